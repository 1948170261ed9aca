/** Words and numbers in SVG. */

export const escaped = (words: string): string =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export const round = (value: number): number => Math.round(value * 10) / 10;

export function text(x: number, y: number, kind: string, words: string): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${kind}">${escaped(words)}</text>`;
}
