// The figures as a picture: one group of bars for each metric, npm = 1, the figure itself at the end of its bar.
import { number } from "./table.mjs";

const colours = { ours: "#0b6e4f", npm: "#c44536", floor: "#8d99ae", bun: "#e9b44c" };
const width = 960;
const left = 300;
const right = 150;
const top = 84;
const barHeight = 15;
const barGap = 3;
const groupGap = 16;
const longest = 1.5; // in units of npm; what is longer is cut and marked

// Keeps figures readable where a line of the grid runs through them.
const halo = `paint-order="stroke" stroke="#fff" stroke-width="3"`;

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export function drawChart(rows, servers, caption) {
  const charted = rows.filter((row) => row.chart && Object.values(row.cells).some((cell) => cell?.median > 0));
  const parts = [];
  const text = (x, y, content, attributes = "") => parts.push(`<text x="${x}" y="${y}" ${attributes}>${escape(content)}</text>`);
  const scale = (width - left - right) / longest;

  let y = top;
  for (const row of charted) {
    const present = servers.filter((server) => row.cells[server.name]?.median !== undefined);
    const all = present.map((server) => row.cells[server.name].median);
    const one = row.cells.npm?.median ?? Math.max(...all);
    const groupHeight = present.length * (barHeight + barGap) - barGap;
    const [name, detail] = row.label.split(": ");
    const middle = y + groupHeight / 2;
    text(left - 12, middle + (detail ? -3 : 4), name, `text-anchor="end" font-weight="600"`);
    if (detail) text(left - 12, middle + 12, detail, `text-anchor="end" fill="#555"`);
    for (const server of present) {
      const { median } = row.cells[server.name];
      const share = median / one;
      const length = Math.max(1, Math.min(share, longest) * scale);
      parts.push(`<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" fill="${colours[server.name]}"/>`);
      if (share > longest) {
        const x = left + length - 14;
        parts.push(`<path d="M${x} ${y + barHeight}l5 ${-barHeight}h4l-5 ${barHeight}z" fill="#fff"/>`);
      }
      const relation = server.name === "npm" || row.cells.npm?.median === undefined ? "" : `  (${share < 0.095 ? share.toFixed(3) : share.toFixed(2)})`;
      text((left + length + 6).toFixed(1), y + barHeight - 3, `${number(median)} ${row.unit}${relation}`, halo);
      y += barHeight + barGap;
    }
    y += groupGap - barGap;
  }
  const bottom = y - groupGap + 6;
  const height = bottom + 58;

  const grid = [0, 0.25, 0.5, 0.75, 1, 1.25].map((share) => {
    const x = left + share * scale;
    const strong = share === 1 ? `stroke="#999"` : `stroke="#e4e4e4"`;
    return `<line x1="${x}" y1="${top - 8}" x2="${x}" y2="${bottom}" ${strong}/>` +
      `<text x="${x}" y="${bottom + 16}" text-anchor="middle" fill="#555">${share}</text>`;
  });
  let legendX = left;
  const legend = servers.map((server) => {
    const entry = `<rect x="${legendX}" y="48" width="12" height="12" fill="${colours[server.name]}"/>` +
      `<text x="${legendX + 17}" y="58">${escape(server.label)}</text>`;
    legendX += 40 + server.label.length * 7.5;
    return entry;
  });

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" fill="#222">`,
    `<title>roomcast side by side with npm socket.io</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="30" font-size="17" font-weight="600">Cost, relative to npm socket.io = 1 (shorter is better)</text>`,
    ...legend,
    ...grid,
    ...parts,
    `<text x="${left}" y="${bottom + 40}" fill="#555">${escape(caption)}</text>`,
    `</svg>`,
    "",
  ].join("\n");
}
