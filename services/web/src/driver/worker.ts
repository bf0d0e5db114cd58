/**
 * The driver page without a network: its own files come from the phone once they were there. Data are not its
 * business: plans and reports live in the page's own storage.
 */

/// <reference lib="webworker" />

const worker = self as unknown as ServiceWorkerGlobalScope;
const CACHE = "qingyun-driver-1";
const PAGE = "/driver";

worker.addEventListener("install", event => {
  event.waitUntil(keepPage());
  void worker.skipWaiting();
});

/** The page with all files it names: what the first visit fetched went past this worker. */
async function keepPage(): Promise<void> {
  const cache = await caches.open(CACHE);
  const page = await fetch(PAGE);
  const named = (await page.clone().text()).match(/\/assets\/[\w.-]+/g) ?? [];
  await cache.put(PAGE, page);
  await cache.addAll([...new Set([...named, "/icon.svg"])]);
}

worker.addEventListener("activate", event => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", event => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== worker.location.origin) return;
  // names of built files hold their content: what is kept is right for ever
  if (url.pathname.startsWith("/assets/")) event.respondWith(kept(event.request));
  if (url.pathname === PAGE || url.pathname === "/icon.svg") event.respondWith(fresh(event.request, url.pathname));
});

async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const found = await cache.match(request);
  if (found) return found;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

/** The newest where there is a network, else the last one seen. */
async function fresh(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(key, response.clone());
    return response;
  } catch (problem) {
    const found = await cache.match(key);
    if (found) return found;
    throw problem;
  }
}
