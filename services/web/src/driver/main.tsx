import { effect } from "@preact/signals";
import { told } from "../clock.ts";
import { currentSession } from "../session.ts";
import { start, store } from "../ui/start.tsx";
import { Cab } from "./cab.tsx";
import { startDriving } from "./driving.ts";
import { askForDay, lastKnown, openOutbox, openStorage } from "./state.ts";
import "../styles/base.css";
import "./driver.css";

/** The office is asked for the whole day this often; changes come at once by the stream. */
const ASK_EVERY_MS = 60_000;

async function open(): Promise<void> {
  await openStorage();
  await start("driver", () => <Cab />, {
    offline: lastKnown,
    before: async found => {
      await openOutbox(found.user.user_id);
      void askForDay();
    },
  });
  startDriving();
  setInterval(() => {
    void askForDay();
    // a page that began without a network: nothing leaves before the office has told the time
    if (!told.peek()) void currentSession().catch(() => undefined);
  }, ASK_EVERY_MS);
  // a new plan may bring other permits with it
  effect(() => {
    if (store.tables.plan.version.value) void askForDay();
  });
  const served = await navigator.serviceWorker?.register("/driver-worker.js").catch(() => undefined);
  if (served) await navigator.serviceWorker.ready;
  // the drawing is a file of its own; fetched when nothing else is to do, it is here without a network too
  globalThis.requestIdleCallback?.(() => void import("./sketch.tsx").catch(() => undefined));
}

void open();
