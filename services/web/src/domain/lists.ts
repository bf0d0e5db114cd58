/** What every list can do: find, sort by a column, keep its order while somebody reads, draw only what is seen. Pure. */

/** What a column sorts by; null or undefined = not known. */
export type Sortable = number | string | boolean | null | undefined;

export interface SortColumn<Row> {
  key: string;
  of: (row: Row) => Sortable;
}

export interface Sorting {
  key: string;
  down: boolean;
}

/** "fill" = smallest first, "-fill" = largest first, "" = the list's own order; as it stands in the address. */
export function readSorting(text: string): Sorting | null {
  if (!text || text === "-") return null;
  return text.startsWith("-") ? { key: text.slice(1), down: true } : { key: text, down: false };
}

/** A press on a column's head: smallest first, then largest first, then the list's own order again. */
export function nextSorting(text: string, key: string): string {
  const now = readSorting(text);
  if (now?.key !== key) return key;
  return now.down ? "" : `-${key}`;
}

/** What `aria-sort` says of a column. */
export function ariaSort(text: string, key: string): "ascending" | "descending" | "none" {
  const now = readSorting(text);
  if (now?.key !== key) return "none";
  return now.down ? "descending" : "ascending";
}

/**
 * Rows by the column the address names; in the order they came where it names none of these. What is not known stands
 * last either way: it is neither the smallest nor the largest. Equal ones keep the order they came in.
 */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly SortColumn<Row>[],
  text: string,
  language: string,
): Row[] {
  const sorting = readSorting(text);
  const column = columns.find(one => one.key === sorting?.key);
  if (!sorting || !column) return [...rows];
  const collator = new Intl.Collator(language, { numeric: true });
  const keyed = rows.map(row => ({ row, value: known(column.of(row)) }));
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    const order = compare(a.value, b.value, collator);
    return sorting.down ? -order : order;
  });
  return keyed.map(one => one.row);
}

function known(value: Sortable): number | string | null {
  if (typeof value === "boolean") return Number(value);
  return value === undefined || value === "" || Number.isNaN(value) ? null : value;
}

function compare(a: number | string, b: number | string, collator: Intl.Collator): number {
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}

/** Whether one of the names has the text in it; no text is found everywhere, and then nobody has to say the names. */
export function found(text: string, names: () => readonly (string | null | undefined)[]): boolean {
  const wanted = text.trim().toLowerCase();
  return !wanted || names().some(name => name?.toLowerCase().includes(wanted));
}

/** The order on the screen while somebody reads: what is shown keeps its place, what is new comes below. */
export function heldOrder(sorted: readonly string[], shown: readonly string[]): string[] {
  const present = new Set(sorted);
  const kept = shown.filter(key => present.has(key));
  const known = new Set(kept);
  return [...kept, ...sorted.filter(key => !known.has(key))];
}

/** A run of rows that is drawn, and the height of what is left out before it, px. */
export interface Segment {
  from: number;
  /** The first that is not in it. */
  to: number;
  gap_px: number;
}

/**
 * Which rows to draw: those between two heights of the list, `spare_px` more on either side, and wherever it is the row
 * `also` (somebody's focus is on it) with its neighbours. `rest_px` is the height of what is left out at the end.
 */
export function drawn(
  heights_px: readonly number[],
  view_px: readonly [number, number],
  spare_px: number,
  also = Number.NaN,
): { segments: Segment[]; rest_px: number } {
  const segments: Segment[] = [];
  let top_px = 0;
  let gap_px = 0;
  for (const [index, height_px] of heights_px.entries()) {
    const seen = top_px + height_px >= view_px[0] - spare_px && top_px <= view_px[1] + spare_px;
    top_px += height_px;
    if (!seen && !(Math.abs(index - also) <= 1)) {
      gap_px += height_px;
      continue;
    }
    const last = segments.at(-1);
    if (last && last.to === index) last.to = index + 1;
    else segments.push({ from: index, to: index + 1, gap_px });
    gap_px = 0;
  }
  return { segments, rest_px: gap_px };
}
