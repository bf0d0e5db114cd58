import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

/** Not a module for the compiler: browsers run it as a script. */
const WORKER = "../src/driver/worker.ts";
const ORIGIN = "http://city.example";
type Asked = string | { url: string };
const pathOf = (asked: Asked): string => new URL(typeof asked === "string" ? asked : asked.url, ORIGIN).pathname;

class FakeCache {
  readonly kept = new Map<string, Response>();
  match = async (asked: Asked) => this.kept.get(pathOf(asked))?.clone();
  put = async (asked: Asked, response: Response) => void this.kept.set(pathOf(asked), response);
  delete = async (asked: Asked) => this.kept.delete(pathOf(asked));
  keys = async () => [...this.kept.keys()].map(path => ({ url: ORIGIN + path }));
}

/** What the gateway has, by path. */
let served: Record<string, string>;
let stored: Map<string, FakeCache>;
let tell: (kind: string, more?: object) => Promise<void>;

beforeEach(async () => {
  stored = new Map();
  const hears = new Map<string, (event: object) => void>();
  vi.stubGlobal("self", {
    addEventListener: (kind: string, hear: (event: object) => void) => hears.set(kind, hear),
    skipWaiting: async () => undefined,
    clients: { claim: async () => undefined },
    location: { origin: ORIGIN },
  });
  vi.stubGlobal(
    "Request",
    class {
      readonly url: string;
      constructor(path: string) {
        this.url = ORIGIN + path;
      }
    },
  );
  vi.stubGlobal("caches", {
    open: async (name: string) => {
      const found = stored.get(name) ?? new FakeCache();
      stored.set(name, found);
      return found;
    },
    keys: async () => [...stored.keys()],
    delete: async (name: string) => stored.delete(name),
  });
  vi.stubGlobal("fetch", async (asked: Asked) => {
    const body = served[pathOf(asked)];
    return body === undefined ? new Response("", { status: 404 }) : new Response(body);
  });
  tell = async (kind, more = {}) => {
    const waits: Promise<unknown>[] = [];
    const waitUntil = (until: Promise<unknown>) => void waits.push(until);
    hears.get(kind)?.({ ...more, waitUntil, respondWith: waitUntil });
    for (const one of waits) await one;
  };
  vi.resetModules();
  await import(WORKER);
});

afterEach(() => vi.unstubAllGlobals());

const open = (path: string) => tell("fetch", { request: { url: ORIGIN + path, method: "GET" } });
const kept = () => [...(stored.get("qingyun-driver-1")?.kept.keys() ?? [])].sort();

/** A release: a page that names a script and a style, the script a drawing that is fetched later, with one style for all. */
const release = (n: number) => ({
  "/driver": `<script src="/assets/driver-${n}.js"></script><link href="/assets/base.css">`,
  [`/assets/driver-${n}.js`]: `import("./sketch-${n}.js")`,
  [`/assets/sketch-${n}.js`]: "draw()",
  "/assets/base.css": "body {}",
  "/icon.svg": "<svg/>",
});
const filesOf = (...releases: number[]) =>
  ["/assets/base.css", ...releases.flatMap(n => [`/assets/driver-${n}.js`, `/assets/sketch-${n}.js`])].sort();

describe("the driver page's worker", () => {
  test("lets the files of an old release go once the page after it is open, and none that the new one needs", async () => {
    served = release(1);
    await tell("install");
    await open("/assets/sketch-1.js");
    expect(kept()).toEqual([...filesOf(1), "/driver", "/icon.svg"]);
    served = release(2);
    await open("/driver");
    await open("/assets/sketch-2.js");
    // a page of the release before may be open still
    expect(kept()).toEqual([...filesOf(1, 2), "/driver", "/icon.svg"]);
    await open("/driver");
    expect(kept()).toEqual([...filesOf(2), "/driver", "/icon.svg"]);
  });

  test("keeps the page it has when a captive portal answers", async () => {
    served = release(1);
    await tell("install");
    served = { "/driver": "<h1>Accept our terms</h1>", "/icon.svg": "<svg/>" };
    await open("/driver");
    await open("/driver");
    expect(await stored.get("qingyun-driver-1")?.kept.get("/driver")?.clone().text()).toBe(release(1)["/driver"]);
    expect(kept()).toContain("/assets/driver-1.js");
  });

  test("lets caches of other names of its own go when it takes over, and nobody else's", async () => {
    for (const name of ["qingyun-driver-0", "qingyun-driver-1", "other"]) stored.set(name, new FakeCache());
    await tell("activate");
    expect([...stored.keys()]).toEqual(["qingyun-driver-1", "other"]);
  });
});
