/** Tabs: one of them is open, arrow keys go from one to the next, the Tab key leaves them. */

import type { Signal } from "@preact/signals";

interface Props<Tab extends string> {
  tabs: readonly Tab[];
  open: Signal<Tab>;
  onOpen?: (tab: Tab) => void;
  name: (tab: Tab) => string;
  /** How many are in it; 0 is not said. */
  count?: (tab: Tab) => number | undefined;
  /** Before the test id of each. */
  testid: string;
  /** The id of what they open. */
  controls: string;
}

export function Tabs<Tab extends string>(props: Props<Tab>) {
  const { tabs, open, name, count, testid, controls } = props;
  const show =
    props.onOpen ??
    ((tab: Tab) => {
      open.value = tab;
    });
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const to = tabs[(tabs.indexOf(open.value) + step + tabs.length) % tabs.length];
    if (!step || to === undefined) return;
    event.preventDefault();
    show(to);
    document.getElementById(`tab-${to}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" onKeyDown={move}>
      {tabs.map(tab => (
        <button
          key={tab}
          id={`tab-${tab}`}
          type="button"
          role="tab"
          aria-selected={open.value === tab}
          aria-controls={controls}
          tabIndex={open.value === tab ? 0 : -1}
          data-testid={`${testid}-${tab}`}
          onClick={() => show(tab)}
        >
          {name(tab)}
          {count?.(tab) ? <span class="count">{count(tab)}</span> : null}
        </button>
      ))}
    </div>
  );
}
