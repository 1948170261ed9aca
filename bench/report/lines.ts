/** Lines as SVG, on two logarithmic scales, readable on light and on dark pages. A line has its name at its right end. */

import { escaped, round, text } from './svg-text.js';

export interface Line {
  readonly title: string;
  /** One of the colours and dashes of `STYLES`. */
  readonly style: number;
  /** A value for each of the chart's places; NaN leaves a gap. */
  readonly values: readonly number[];
}

export interface LineChart {
  readonly title: string;
  /** The label of the scale on the left. */
  readonly measure: string;
  readonly axis: string;
  /** The places on the axis below, with their words. */
  readonly places: readonly { readonly value: number; readonly text: string }[];
  readonly lines: readonly Line[];
}

const WIDTH = 760;
const HEIGHT = 440;
const LEFT = 64;
const RIGHT = 190;
const TOP = 64;
const BOTTOM = 52;
const NAME_HEIGHT = 17;
/** The steps of a scale within a power of ten. */
const STEPS = [1, 2, 5] as const;

/** The first two stand out: overlapped on its two drivers of Linux. */
const STYLES = [
  ['#0969da', '#4493f8', 3, ''],
  ['#8250df', '#ab7df8', 3, ''],
  ['#cf222e', '#f85149', 2, ''],
  ['#bf8700', '#d29922', 2, ''],
  ['#59636e', '#9198a1', 2, ''],
  ['#59636e', '#9198a1', 2, '6 4'],
] as const;

const rules = (dark: boolean): string =>
  STYLES.map(([light, night], index) => {
    const colour = dark ? night : light;
    return `.l${index} { stroke: ${colour} } .d${index} { fill: ${colour} }`;
  }).join('\n');

const STYLE = `text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 } .head { fill: #59636e } .strong { font-weight: 600 } .grid { stroke: #d8dee4 }
.end { text-anchor: end } .middle { text-anchor: middle } polyline { fill: none; stroke-linejoin: round }
${rules(false)}
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .head { fill: #9198a1 } .grid { stroke: #30363d }
${rules(true)}
}`;

/** The marks of a scale that holds all values: 1, 2, 5, 10, 20, ... from below the least to above the greatest. */
export function marksOf(values: readonly number[]): readonly number[] {
  const positive = values.filter((value) => value > 0);
  const [least, most] = [Math.min(...positive), Math.max(...positive)];
  const from = Math.floor(Math.log10(least));
  const to = Math.ceil(Math.log10(most));
  const all: number[] = [];
  for (let power = from; power <= to; power++) {
    all.push(...STEPS.map((step) => Number((step * 10 ** power).toPrecision(1))));
  }
  const first = all.findLastIndex((mark) => mark <= least);
  const last = all.findIndex((mark) => mark >= most);
  return all.slice(first, last + 1);
}

/** Moves names apart that would lie on each other; they stay in order. */
export function apart(heights: readonly number[], distance: number): readonly number[] {
  const order = heights
    .map((_, index) => index)
    .sort((one, other) => (heights[one] as number) - (heights[other] as number));
  const placed = [...heights];
  for (let pass = 0; pass < heights.length; pass++) {
    for (let index = 1; index < order.length; index++) {
      const [above, below] = [order[index - 1] as number, order[index] as number];
      const overlap = distance - ((placed[below] as number) - (placed[above] as number));
      if (overlap > 0) {
        placed[above] = (placed[above] as number) - overlap / 2;
        placed[below] = (placed[below] as number) + overlap / 2;
      }
    }
  }
  return placed;
}

/** A logarithmic scale of values to places in the picture. */
function scaleOf(values: readonly number[], from: number, to: number): (value: number) => number {
  const [least, most] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const width = most > least ? most - least : 1;
  return (value) => from + ((Math.log(value) - least) / width) * (to - from);
}

export function lineSvg(chart: LineChart): string {
  const { places, lines } = chart;
  const marks = marksOf(lines.flatMap(({ values }) => values));
  const x = scaleOf(
    places.map(({ value }) => value),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = scaleOf(marks, HEIGHT - BOTTOM, TOP);
  const grid = marks.flatMap((mark) => [
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(mark))}" y2="${round(y(mark))}" class="grid"/>`,
    text(LEFT - 8, y(mark) + 4, 'head end', mark.toLocaleString('en')),
  ]);
  const below = places.map(({ value, text: words }) => text(x(value), HEIGHT - BOTTOM + 20, 'head middle', words));
  const drawn = lines.flatMap(({ values, style }) => {
    const [, , width, dash] = STYLES[style % STYLES.length] as (typeof STYLES)[number];
    const points = places.flatMap(({ value }, index) => {
      const height = values[index] as number;
      return height > 0 ? [{ x: round(x(value)), y: round(y(height)) }] : [];
    });
    const path = points.map((point) => `${point.x},${point.y}`).join(' ');
    const dashes = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
    return [
      `<polyline points="${path}" class="l${style}" stroke-width="${width}"${dashes}/>`,
      ...points.map((point) => `<circle cx="${point.x}" cy="${point.y}" r="3.5" class="d${style}"/>`),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escaped(chart.title)}</title>`,
    `<style>${STYLE}</style>`,
    text(8, 22, 'title', chart.title),
    text(8, TOP - 18, 'head', chart.measure),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, 'head middle', chart.axis),
    ...grid,
    ...below,
    ...drawn,
    ...names(lines, y),
    '</svg>\n',
  ].join('\n');
}

/** The names of the lines, at their last values. */
function names(lines: readonly Line[], y: (value: number) => number): readonly string[] {
  const ends = lines.flatMap(({ title, style, values }) => {
    const last = values.findLast((value) => value > 0);
    return last === undefined ? [] : [{ title, style, height: y(last) }];
  });
  const heights = apart(
    ends.map(({ height }) => height),
    NAME_HEIGHT,
  );
  return ends.flatMap(({ title, style }, index) => {
    const height = heights[index] as number;
    const left = WIDTH - RIGHT + 12;
    return [
      `<circle cx="${left}" cy="${round(height)}" r="4" class="d${style}"/>`,
      text(left + 10, height + 4, style < 2 ? 'strong' : 'label', title),
    ];
  });
}
