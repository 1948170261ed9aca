/**
 * Bars as SVG: panels side by side that share their labels, readable on light and on dark pages. A bar that is much longer than
 * the others is cut, with a gap near its end: its number says how long it is.
 */

import { escaped, round, text } from './svg-text.js';

/** One bar: parts that add up, and the text after it. */
export interface Bar {
  readonly parts: readonly number[];
  readonly text: string;
}

export interface Panel {
  readonly title: string;
  /** One for each label; undefined leaves its place empty. */
  readonly bars: readonly (Bar | undefined)[];
  /** A value that is marked by a line. */
  readonly mark?: number;
}

export interface Chart {
  readonly title: string;
  readonly labels: readonly string[];
  /** Labels that stand out. */
  readonly strong: readonly boolean[];
  readonly panels: readonly Panel[];
}

const WIDTH = 1040;
/** The width of a letter, roughly. */
const LETTER_WIDTH = 7.7;
const VALUE_WIDTH = 95;
const ROW_HEIGHT = 22;
const BAR_HEIGHT = 14;
/** A bar longer than this many times the median of its panel is cut. */
const CUT_MEDIANS = 4;
/** The gap in a cut bar, and its distance from the bar's end. */
const GAP_WIDTH = 5;
const GAP_FROM_END = 16;
const TOP = 62;
const BOTTOM = 14;

const STYLE = `text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 } .head { fill: #59636e } .strong { font-weight: 600 }
.p0 { fill: #8c959f } .p1 { fill: #d0d7de } .s0 { fill: #0969da } .s1 { fill: #80ccff } .mark { stroke: #cf222e } .gap { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .head { fill: #9198a1 } .gap { fill: #0d1117 }
.p0 { fill: #6e7681 } .p1 { fill: #3d444d } .s0 { fill: #4493f8 } .s1 { fill: #1f4b82 }
}`;

/** The value at which bars are cut; the longest bar if none is cut. */
function limitOf(totals: readonly number[], mark: number): number {
  const sorted = totals.filter((total) => total > 0).sort((one, other) => one - other);
  const median = sorted[sorted.length >> 1] ?? 0;
  const longest = sorted.at(-1) ?? 0;
  return Math.max(Math.min(longest, CUT_MEDIANS * median), mark, Number.MIN_VALUE);
}

function panelBars(panel: Panel, chart: Chart, left: number, width: number): string[] {
  const totals = panel.bars.map((bar) => bar?.parts.reduce((sum, part) => sum + part, 0) ?? 0);
  const room = width - VALUE_WIDTH;
  const limit = limitOf(totals, panel.mark ?? 0);
  const scale = room / limit;
  const bars = panel.bars.flatMap((bar, row) => {
    const y = TOP + row * ROW_HEIGHT;
    let x = left;
    let shown = 0;
    const parts = (bar?.parts ?? []).map((whole, index) => {
      const part = Math.min(whole, limit - shown);
      shown += part;
      const kind = `${chart.strong[row] === true ? 's' : 'p'}${index}`;
      const rectangle = `<rect x="${round(x)}" y="${y}" width="${round(part * scale)}" height="${BAR_HEIGHT}" class="${kind}"/>`;
      x += part * scale;
      return rectangle;
    });
    const gapX = round(left + room - GAP_FROM_END);
    const gap = `<rect x="${gapX}" y="${y - 1}" width="${GAP_WIDTH}" height="${BAR_HEIGHT + 2}" class="gap"/>`;
    return [
      ...parts,
      ...((totals[row] ?? 0) > limit ? [gap] : []),
      text(x + 5, y + BAR_HEIGHT - 3, 'value', bar?.text ?? ''),
    ];
  });
  if (panel.mark !== undefined) {
    const x = round(left + panel.mark * scale);
    const bottom = TOP + panel.bars.length * ROW_HEIGHT;
    bars.push(`<line x1="${x}" x2="${x}" y1="${TOP - 6}" y2="${bottom}" class="mark"/>`);
  }
  return [text(left, TOP - 14, 'head', panel.title), ...bars];
}

export function svg(chart: Chart): string {
  const height = TOP + chart.labels.length * ROW_HEIGHT + BOTTOM;
  const labelWidth = 20 + LETTER_WIDTH * Math.max(...chart.labels.map(({ length }) => length));
  const width = (WIDTH - labelWidth) / chart.panels.length;
  const labels = chart.labels.map((label, row) =>
    text(8, TOP + row * ROW_HEIGHT + BAR_HEIGHT - 3, chart.strong[row] === true ? 'strong' : 'label', label),
  );
  const panels = chart.panels.flatMap((panel, index) => panelBars(panel, chart, labelWidth + index * width, width));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${escaped(chart.title)}</title>`,
    `<style>${STYLE}</style>`,
    text(8, 22, 'title', chart.title),
    ...labels,
    ...panels,
    '</svg>\n',
  ].join('\n');
}
