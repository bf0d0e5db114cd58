/**
 * The driver page without a network: its own files come from the phone once they were there. Data are not its
 * business: plans and reports live in the page's own storage.
 */

/// <reference lib="webworker" />

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHES = "qingyun-driver-";
const CACHE = `${CACHES}1`;
const PAGE = "/driver";
const FILES = "/assets/";
const ICON = "/icon.svg";
/** A network that does not answer is none, where there is something to show without it. */
const PATIENCE_MS = 3_000;

worker.addEventListener("install", event => {
  event.waitUntil(fetch(PAGE).then(keepPage));
  void worker.skipWaiting();
});

worker.addEventListener("activate", event => event.waitUntil(Promise.all([worker.clients.claim(), dropOldCaches()])));

worker.addEventListener("fetch", event => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== worker.location.origin) return;
  // names of built files hold their content: what is kept is right for ever
  if (url.pathname.startsWith(FILES)) event.respondWith(kept(event.request));
  if (url.pathname === ICON) event.respondWith(newest(ICON));
  if (url.pathname === PAGE) event.respondWith(openPage(event));
});

async function openPage(event: FetchEvent): Promise<Response> {
  const page = await newest(PAGE);
  event.waitUntil(keepPage(page.clone()).catch(() => undefined));
  return page;
}

/**
 * Keep the page with all files it names, which on the first visit went past this worker. The page last: a new one whose files
 * did not all come would not open without a network, the one before still does. So it does when what came is another's, a
 * captive portal's say: no page of ours names no files.
 */
async function keepPage(page: Response): Promise<void> {
  const text = await page.clone().text();
  const named = text.match(/\/assets\/[\w.-]+/g);
  if (!named) throw new Error("not the page");
  const files = await Promise.all([...new Set([...named, ICON])].map(file => kept(new Request(file))));
  const missing = [page, ...files].find(one => !one.ok);
  if (missing) throw new Error(`HTTP ${missing.status}`);
  const cache = await caches.open(CACHE);
  const before = await cache.match(PAGE);
  await cache.put(PAGE, page);
  await dropFiles(cache, [text, (await before?.text()) ?? ""]);
}

/** Files that neither these pages name nor what they name leave: of the page before, some may still be open. */
async function dropFiles(cache: Cache, texts: string[]): Promise<void> {
  const unnamed = new Map<string, Request>();
  for (const request of await cache.keys()) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith(FILES)) unnamed.set(pathname.slice(FILES.length), request);
  }
  // grows as it goes: a script names what it fetches later
  for (const text of texts)
    for (const [name, request] of unnamed) {
      if (!text.includes(name)) continue;
      unnamed.delete(name);
      texts.push((await (await cache.match(request))?.text()) ?? "");
    }
  for (const request of unnamed.values()) await cache.delete(request);
}

async function dropOldCaches(): Promise<void> {
  const old = (await caches.keys()).filter(name => name.startsWith(CACHES) && name !== CACHE);
  for (const name of old) await caches.delete(name);
}

async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const found = await cache.match(request);
  if (found) return found;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

/** The newest where it can be had, else the last one seen. */
async function newest(path: string): Promise<Response> {
  const found = await (await caches.open(CACHE)).match(path);
  try {
    const response = await fetch(path, { signal: found ? AbortSignal.timeout(PATIENCE_MS) : null });
    if (response.ok || !found) return response;
  } catch (problem) {
    if (!found) throw problem;
  }
  return found;
}
