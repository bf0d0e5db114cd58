/**
 * A long list as a table of rows: sorted by its heads, drawn only where it is seen, still while somebody reads. To a
 * screen reader it has all its rows (`aria-rowcount`), each with its number; the one with the focus is always drawn.
 */

import type { Signal } from "@preact/signals";
import { signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ariaSort, drawn, heldOrder, nextSorting } from "../domain/lists.ts";

export interface Head {
  key: string;
  label: string;
}

interface Props<Row> {
  label: string;
  testid: string;
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  children: (row: Row) => ComponentChildren;
  heads: readonly Head[];
  sort: Signal<string>;
  /** What changes only by the reader's own wish: filters, order. Then rows move at once. */
  wish: string;
}

/** Of a row that was never drawn. */
const USUAL_PX = 55;
/** Drawn above and below what is seen, so that scrolling and the Tab key find something. */
const SPARE_PX = 600;
/** So many are drawn all: the browser's own search finds them, and a screen reader reads on without waiting. */
const FEW = 150;
/** Scrolling by less draws nothing new. */
const STEP_PX = 200;
/** A hand or a focus on the list keeps its order for so long after the last move: a forgotten mouse does not. */
const READING_MS = 10_000;

/** The list on the page, for keys that go from row to row. */
export const rowsOnPage = signal<{ go: (step: 1 | -1) => void } | null>(null);

export function Rows<Row>(props: Props<Row>) {
  const { rows, keyOf, heads } = props;
  const table = useRef<HTMLTableElement>(null);
  const reading = useReading();
  const shown = useRef<{ wish: string; keys: string[] }>({ wish: "", keys: [] });
  const byKey = new Map(rows.map(row => [keyOf(row), row]));
  const held = reading() && shown.current.wish === props.wish;
  const keys = held ? heldOrder([...byKey.keys()], shown.current.keys) : [...byKey.keys()];
  shown.current = { wish: props.wish, keys };
  const { body, lines } = useWindow(keys);
  useLayoutEffect(() => {
    // in another order the place one was at means nothing
    table.current?.closest(".list-area")?.scrollTo(0, 0);
  }, [props.wish]);
  useRowKeys(table, keys);
  return (
    <table
      ref={table}
      class="table"
      aria-label={props.label}
      aria-rowcount={keys.length + 1}
      data-testid={props.testid}
      data-count={keys.length}
      {...reading.hears}
    >
      <Heads heads={heads} sort={props.sort} />
      <tbody ref={body}>
        {lines.segments.flatMap((segment, number) => [
          segment.gap_px > 0 && <Gap key={`gap ${number}`} height_px={segment.gap_px} span={heads.length} />,
          ...keys.slice(segment.from, segment.to).map((key, at) => (
            <tr key={`row ${key}`} class="line" aria-rowindex={segment.from + at + 2} data-key={key}>
              <td colSpan={heads.length}>{byKey.has(key) && props.children(byKey.get(key) as Row)}</td>
            </tr>
          )),
        ])}
        {lines.rest_px > 0 && <Gap key="rest" height_px={lines.rest_px} span={heads.length} />}
      </tbody>
    </table>
  );
}

/** The place of rows that are not drawn. */
function Gap({ height_px, span }: { height_px: number; span: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it can have the focus
    <tr aria-hidden="true">
      <td colSpan={span} style={{ height: `${Math.round(height_px)}px` }} />
    </tr>
  );
}

function Heads({ heads, sort }: { heads: readonly Head[]; sort: Signal<string> }) {
  return (
    <thead>
      <tr class="heads" aria-rowindex={1}>
        {heads.map(({ key, label }) => {
          const order = ariaSort(sort.value, key);
          return (
            <th key={key} scope="col" aria-sort={order}>
              <button
                type="button"
                class="head"
                data-testid={`sort-${key}`}
                onClick={() => {
                  sort.value = nextSorting(sort.value, key);
                }}
              >
                {label}
                <span aria-hidden="true">{order === "ascending" ? " ▲" : order === "descending" ? " ▼" : ""}</span>
              </button>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

/** Whether somebody reads: moved a hand over the list, or a key in it, a moment ago. */
function useReading() {
  const until = useRef(0);
  const on = () => {
    until.current = performance.now() + READING_MS;
  };
  const off = () => {
    until.current = 0;
  };
  const hears = { onPointerMove: on, onPointerDown: on, onKeyDown: on, onFocusIn: on, onPointerLeave: off };
  return Object.assign(() => performance.now() < until.current, { hears });
}

/** Which rows to draw now. Heights are measured as rows are drawn; what was never drawn is taken for the usual. */
function useWindow(keys: readonly string[]) {
  const body = useRef<HTMLTableSectionElement>(null);
  const heights = useRef(new Map<string, number>()).current;
  const view = useSignal<readonly [number, number]>([0, 1_200]);
  const focused = useSignal("");
  const printing = useSignal(false);
  const measured = useSignal(0);
  measured.value;
  const look = () => {
    const top_px = body.current?.getBoundingClientRect().top ?? 0;
    const from_px = Math.floor(-top_px / STEP_PX) * STEP_PX;
    const to_px = Math.ceil((innerHeight - top_px) / STEP_PX) * STEP_PX;
    if (from_px !== view.peek()[0] || to_px !== view.peek()[1]) view.value = [from_px, to_px];
  };
  useEffect(() => {
    const whole = (value: boolean) => () => {
      printing.value = value;
    };
    const begin = whole(true);
    const end = whole(false);
    const focus = () => {
      focused.value = focusedKey(body.current) ?? "";
    };
    // whatever scrolls: the list beside the map, or on a phone the page
    document.addEventListener("scroll", look, { capture: true, passive: true });
    body.current?.addEventListener("focusin", focus);
    addEventListener("resize", look);
    addEventListener("beforeprint", begin);
    addEventListener("afterprint", end);
    return () => {
      document.removeEventListener("scroll", look, { capture: true });
      removeEventListener("resize", look);
      removeEventListener("beforeprint", begin);
      removeEventListener("afterprint", end);
    };
  }, []);
  useLayoutEffect(() => {
    if (measure(body.current, heights)) measured.value++;
    look();
  });
  const sizes = keys.map(key => heights.get(key) ?? USUAL_PX);
  const all = printing.value || keys.length <= FEW;
  const view_px: readonly [number, number] = all ? [0, Number.POSITIVE_INFINITY] : view.value;
  return { body, lines: drawn(sizes, view_px, SPARE_PX, keys.indexOf(focused.value)) };
}

/** Take the heights of the drawn rows; whether one is another than was thought. */
function measure(body: HTMLElement | null, heights: Map<string, number>): boolean {
  let changed = false;
  for (const line of body?.children ?? []) {
    const key = (line as HTMLElement).dataset.key;
    if (key === undefined) continue;
    const height_px = (line as HTMLElement).offsetHeight;
    if ((heights.get(key) ?? USUAL_PX) !== height_px) changed = true;
    heights.set(key, height_px);
  }
  return changed;
}

/** Let the page's keys go from row to row, from the one that had the focus last; the focus scrolls to it. */
function useRowKeys(table: { readonly current: HTMLTableElement | null }, keys: readonly string[]): void {
  const now = useRef({ keys, last: "" });
  now.current.keys = keys;
  useEffect(() => {
    const here = {
      go: (step: 1 | -1) => {
        const at = now.current.keys.indexOf(focusedKey(table.current) ?? now.current.last);
        const key = now.current.keys[at < 0 ? 0 : at + step];
        if (key === undefined) return;
        now.current.last = key;
        if (focusRow(table.current, key)) return;
        // far from what is seen: the list's begin is drawn first
        table.current?.scrollIntoView();
        requestAnimationFrame(() => focusRow(table.current, key));
      },
    };
    rowsOnPage.value = here;
    return () => {
      if (rowsOnPage.peek() === here) rowsOnPage.value = null;
    };
  }, []);
}

function focusRow(table: HTMLElement | null, key: string): boolean {
  const lines = [...(table?.querySelectorAll<HTMLElement>("[data-key]") ?? [])];
  const target = lines.find(one => one.dataset.key === key)?.querySelector<HTMLElement>("button, a");
  target?.focus();
  return target !== undefined;
}

/** The key of the row somebody's focus is in. */
export function focusedKey(table: HTMLElement | null = document.body): string | undefined {
  const line = document.activeElement?.closest<HTMLElement>("[data-key]");
  return line && table?.contains(line) ? line.dataset.key : undefined;
}
