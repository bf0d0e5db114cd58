/** The view lives in the address, so that it can be kept, shared and opened again. */

import { effect, type Signal, signal } from "@preact/signals";

/** A signal kept in the address as `name`; absent while it has its usual value. */
export function inAddress<T extends string>(name: string, usual: T): Signal<T> {
  const value = signal((new URLSearchParams(location.search).get(name) ?? usual) as T);
  let first = true;
  effect(() => {
    const now = value.value;
    if (first) {
      first = false;
      return;
    }
    const query = new URLSearchParams(location.search);
    if (now === usual) query.delete(name);
    else query.set(name, now);
    const text = query.toString();
    history.replaceState(null, "", location.pathname + (text ? `?${text}` : ""));
  });
  addEventListener("popstate", () => {
    value.value = (new URLSearchParams(location.search).get(name) ?? usual) as T;
  });
  return value;
}
