/** Which labels have room beside each other. Pure. */

export interface Label {
  lines: string[];
  /** The middle of its top edge. */
  x: number;
  y: number;
  width_px: number;
  height_px: number;
}

/** Two labels are so far apart at least. */
const GAP_PX = 2;
/** Side of the squares by which neighbours are found. */
const SQUARE_PX = 64;

/** Return the labels that do not lie over one before them. */
export function labelsThatFit(labels: readonly Label[]): Label[] {
  const squares = new Map<string, Label[]>();
  return labels.filter(label => {
    const here = [...squaresOf(label)];
    if (here.some(key => squares.get(key)?.some(other => overlap(label, other)))) return false;
    for (const key of here) squares.set(key, [...(squares.get(key) ?? []), label]);
    return true;
  });
}

function* squaresOf({ x, y, width_px, height_px }: Label): Generator<string> {
  const at = (px: number) => Math.floor(px / SQUARE_PX);
  for (let column = at(x - width_px / 2 - GAP_PX); column <= at(x + width_px / 2 + GAP_PX); column++)
    for (let row = at(y - GAP_PX); row <= at(y + height_px + GAP_PX); row++) yield `${column} ${row}`;
}

function overlap(one: Label, other: Label): boolean {
  const apart_px = (one.width_px + other.width_px) / 2 + GAP_PX;
  if (Math.abs(one.x - other.x) >= apart_px) return false;
  const [upper, lower] = one.y < other.y ? [one, other] : [other, one];
  return lower.y < upper.y + upper.height_px + GAP_PX;
}
