/** One list of the desk: its tools, its rows in the order the address names, or what to say where there are none. */

import type { ComponentChildren } from "preact";
import { type SortColumn, sortRows } from "../domain/lists.ts";
import { Empty } from "../ui/bits.tsx";
import { Rows } from "../ui/rows.tsx";
import { language, words } from "../words/index.ts";
import { ListTools } from "./list_tools.tsx";
import { wish } from "./query.ts";
import { sort, type Tab } from "./state.ts";

interface Props<Row> {
  of: Tab;
  testid: string;
  /** The list's own choices, each a code and its name; the first is what it shows unasked. */
  shows: readonly (readonly [string, string])[];
  columns: readonly SortColumn<Row>[];
  /** What the columns are called. */
  heads: Record<string, string>;
  /** The rows that are asked for, in the list's own order. */
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  empty: string;
  /** What stands between the tools and the rows. */
  before?: ComponentChildren;
  children: (row: Row) => ComponentChildren;
}

export function DeskList<Row>({ of, testid, shows, columns, heads, rows, keyOf, empty, before, children }: Props<Row>) {
  return (
    <>
      <ListTools of={of} shows={shows} />
      {before}
      <Rows
        label={words.value.desk.tabs[of]}
        testid={testid}
        rows={sortRows(rows, columns, sort.value, language.value)}
        keyOf={keyOf}
        heads={columns.map(({ key }) => ({ key, label: heads[key] ?? key }))}
        sort={sort}
        wish={wish.value}
      >
        {children}
      </Rows>
      {!rows.length && <Empty>{empty}</Empty>}
    </>
  );
}
