/** What stands above every list of the desk: find, the list's own choice, and views, files and paper of it. */

import { useSignal } from "@preact/signals";
import { inPast, now } from "../clock.ts";
import { exportHref, type Query } from "../domain/query.ts";
import { LONGEST_NAME, viewQuery, withoutView, withView } from "../domain/views.ts";
import { showKeys } from "../ui/keys.ts";
import { Menu } from "../ui/menu.tsx";
import { words } from "../words/index.ts";
import { Choice, Filter } from "./fields.tsx";
import { query } from "./query.ts";
import { show, type Tab } from "./state.ts";
import { keepViews, openView, views } from "./views.ts";

/** `shows`: the list's own choices, each a code and its name; the first is what the list shows unasked. */
export function ListTools({ of, shows }: { of: Tab; shows: readonly (readonly [string, string])[] }) {
  const w = words.value.list;
  const chosen = shows.some(([code]) => code === show.value) ? show.value : "";
  return (
    <div class="list-tools" data-testid="list-tools">
      <Filter />
      <Choice label={w.show} chosen={show} options={shows.map(([code, name]) => [code, name])} value={chosen} />
      <Menu label={w.menu} testid="list-menu" button={w.menu}>
        <Views />
        {inPast.value ? <p class="note">{w.filesOfNow}</p> : <Files of={of} asked={{ ...query.value, show: chosen }} />}
        <Paper of={of} />
      </Menu>
    </div>
  );
}

function Files({ of, asked }: { of: Tab; asked: Query }) {
  const w = words.value.list;
  return (
    <section>
      <h3>{w.export}</h3>
      <p class="row-of tight">
        {(["csv", "geojson"] as const).map(form => (
          <a
            key={form}
            class="button"
            data-testid={`export-${form}`}
            href={exportHref(of, form, asked, now.value)}
            download
          >
            {w.form[form]}
          </a>
        ))}
      </p>
    </section>
  );
}

function Paper({ of }: { of: Tab }) {
  const w = words.value.list;
  return (
    <section>
      <h3>{w.paper}</h3>
      <p class="row-of tight">
        <button type="button" class="button" data-testid="print-list" onClick={() => window.print()}>
          {w.print}
        </button>
        {of === "trucks" && !inPast.value && (
          <a class="button" data-testid="run-sheets" href={runSheetsHref("all")} target="_blank" rel="noreferrer">
            {w.runSheets}
          </a>
        )}
        <button type="button" class="button quiet" data-testid="show-keys" onClick={showKeys}>
          {words.value.keys.title}
        </button>
      </p>
    </section>
  );
}

/** The page of run sheets: of one truck, or "all" that the list shows. */
export function runSheetsHref(truck_id: string): string {
  const of = new URLSearchParams(truck_id === "all" ? viewQuery(location.search) : "");
  of.set("print", truck_id);
  return `/dispatch?${of}`;
}

function Views() {
  const w = words.value.list;
  const name = useSignal("");
  const keep = () => {
    keepViews(withView(views.value, { name: name.value, query: viewQuery(location.search), pinned: false }));
    name.value = "";
  };
  return (
    <section>
      <h3>{w.views}</h3>
      <ul class="views" data-testid="views">
        {views.value.map(view => (
          <li key={view.name} class="row-of tight">
            <a class="link" href={`/dispatch?${view.query}`} onClick={event => openView(event, view.query)}>
              <bdi>{view.name}</bdi>
            </a>
            <button
              type="button"
              class="button quiet push"
              aria-pressed={view.pinned}
              onClick={() => keepViews(withView(views.value, { ...view, pinned: !view.pinned }))}
            >
              {w.pin}
            </button>
            <button
              type="button"
              class="button quiet"
              aria-label={w.remove(view.name)}
              onClick={() => keepViews(withoutView(views.value, view.name))}
            >
              ✕
            </button>
          </li>
        ))}
      </ul>
      <form
        class="row-of tight"
        onSubmit={event => {
          event.preventDefault();
          keep();
        }}
      >
        <input
          class="field inline"
          aria-label={w.viewName}
          placeholder={w.viewName}
          maxLength={LONGEST_NAME}
          value={name.value}
          data-testid="view-name"
          onInput={event => {
            name.value = event.currentTarget.value;
          }}
        />
        <button type="submit" class="button" disabled={!name.value.trim()} data-testid="keep-view">
          {w.keepView}
        </button>
      </form>
      <p class="soft">{w.share}</p>
    </section>
  );
}
