/** How a page that needs a session begins: who is it, may they be here, then the stream, then the page. */

import { effect } from "@preact/signals";
import { type ComponentChild, render } from "preact";
import { now, startClock } from "../clock.ts";
import type { Session } from "../contract.ts";
import { Unreachable } from "../http.ts";
import { sourceFor } from "../live/source.ts";
import { Store } from "../live/store.ts";
import { LiveStream } from "../live/stream.ts";
import { faceName } from "../say/faces.ts";
import { currentSession, FACES, type Face, faceAfter, resume, toSignIn } from "../session.ts";
import { words } from "../words/index.ts";
import "./theme.ts";

export const store = new Store();
export const live = new LiveStream(store, toSignIn);

/** What tests and a curious person may look at; nothing on the page depends on it. */
const handle = {
  store,
  live,
  now: () => now.value,
  trucks: () => [...store.tables.truck.items.values()],
  map: null as unknown,
};
declare global {
  interface Window {
    qingyun: typeof handle;
  }
}

interface Options {
  /** Who to be while the gateway does not answer; without it the page waits for an answer. */
  offline?: () => Promise<Session | null>;
  /** To be done with the session, before the page is drawn. */
  before?: (found: Session) => Promise<void>;
}

/** Show `page` to whoever may see `face`; others are sent where they belong. */
export async function start(face: Face, page: () => ComponentChild, options: Options = {}): Promise<void> {
  window.qingyun = handle;
  const root = document.getElementById("page");
  if (!root) throw new Error("the page has no #page");
  const found = await sessionPatiently(root, options.offline);
  if (!found) return toSignIn();
  if (!FACES[found.user.role]?.includes(face)) return location.replace(faceAfter(found, null) ?? "/");
  startClock();
  follow(found, face === "driver");
  nameThePage(face);
  await options.before?.(found);
  render(page(), root);
}

/** Windows and tabs are told apart by their titles, and a screen reader says the title first. */
function nameThePage(face: Face): void {
  effect(() => {
    document.title = `${faceName(face)} · 清运 Qingyun`;
  });
}

function follow({ user }: Session, alone: boolean): void {
  effect(() => {
    document.body.dataset.live = live.state;
  });
  addEventListener("online", () => live.wake());
  document.addEventListener("visibilitychange", () => live.wake());
  void live.run(sourceFor(user, alone));
}

/** A network that does not answer is none, for a page that can do without. */
const PATIENCE_MS = 3_000;

async function sessionPatiently(root: HTMLElement, offline: Options["offline"]): Promise<Session | null> {
  for (;;) {
    const asked = currentSession();
    try {
      return await (offline ? Promise.race([asked, lateAfter(PATIENCE_MS)]) : asked);
    } catch {
      asked.catch(() => undefined); // an answer that comes late still tells the time
      const known = await offline?.();
      if (known) return resume(known);
      render(<p class="note bad">{words.value.signIn.unreachable}</p>, root);
      await new Promise(resolve => setTimeout(resolve, 3_000));
    }
  }
}

async function lateAfter(wait_ms: number): Promise<never> {
  await new Promise(resolve => setTimeout(resolve, wait_ms));
  throw new Unreachable("late");
}
