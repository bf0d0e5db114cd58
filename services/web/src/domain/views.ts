/** Views of a page that somebody has named: an address each. Pure. */

export interface View {
  name: string;
  /** What stands behind the page's path: "list=due&show=unplanned". */
  query: string;
  /** Stands above the lists with its count. */
  pinned: boolean;
}

export const MOST_VIEWS = 50;
export const LONGEST_NAME = 60;

/** Views as they were kept; what is not one (another version, a hand in the storage) is passed over. */
export function readViews(text: string | null): View[] {
  try {
    const kept: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(kept) ? kept.filter(isView).slice(0, MOST_VIEWS) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is View {
  const one = value as Partial<View> | null;
  return typeof one?.name === "string" && typeof one.query === "string" && typeof one.pinned === "boolean";
}

/** With a view under a name; one of that name is replaced in its place. */
export function withView(views: readonly View[], view: View): View[] {
  const name = view.name.trim().slice(0, LONGEST_NAME);
  if (!name) return [...views];
  const at = views.findIndex(one => one.name === name);
  const named = { ...view, name };
  return at < 0 ? [...views, named].slice(-MOST_VIEWS) : views.with(at, named);
}

export function withoutView(views: readonly View[], name: string): View[] {
  return views.filter(one => one.name !== name);
}

/** The part of an address that is a view: without what is chosen or printed at the moment, and without the moment. */
export function viewQuery(search: string): string {
  const query = new URLSearchParams(search);
  for (const name of ["truck", "place", "print", "at"]) query.delete(name);
  query.sort();
  return query.toString();
}
