/** Which rows of a list are picked. Pure: each change gives a new selection. */

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** The row picked last: where a range begins. */
  readonly anchor: string | null;
}

export const NOTHING: Selection = { ids: new Set(), anchor: null };

/** Pick it, or let it go. `ids` are one row's: several, where a row stands for a group. */
export function toggle(selection: Selection, ids: readonly string[]): Selection {
  const picked = new Set(selection.ids);
  const all = ids.every(id => picked.has(id));
  for (const id of ids) {
    if (all) picked.delete(id);
    else picked.add(id);
  }
  return { ids: picked, anchor: ids[0] ?? selection.anchor };
}

/** Pick all rows from the one picked last to this one; without one, only this. */
export function extend(selection: Selection, rows: readonly string[], id: string): Selection {
  const from = selection.anchor === null ? -1 : rows.indexOf(selection.anchor);
  const to = rows.indexOf(id);
  if (from < 0 || to < 0) return { ids: new Set([...selection.ids, id]), anchor: id };
  const between = rows.slice(Math.min(from, to), Math.max(from, to) + 1);
  return { ids: new Set([...selection.ids, ...between]), anchor: selection.anchor };
}

export function all(rows: readonly string[]): Selection {
  return { ids: new Set(rows), anchor: rows[0] ?? null };
}

/** What is picked and still shown, in the order of the rows: nobody acts on what they cannot see. */
export function shown(selection: Selection, rows: readonly string[]): string[] {
  return rows.filter(id => selection.ids.has(id));
}

/** The row after this one (or before, `by` -1); the first where none is chosen; itself at the end. */
export function neighbour(rows: readonly string[], id: string, by: 1 | -1): string | null {
  const at = rows.indexOf(id);
  if (at < 0) return rows[0] ?? null;
  return rows[Math.min(rows.length - 1, Math.max(0, at + by))] ?? null;
}
