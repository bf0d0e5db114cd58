// What the measurement notes in the page: when things are first drawn, how long a press waits for its picture. Times of
// events from Kafka are wall time (Date.now), as their senders' are; all others are performance.now.
(() => {
  const bench = { first: {}, presses: {}, tasks: [], frames: [], panning: false, places: {}, stored: {}, alerts: {}, plans: {} };
  window.bench = bench;

  const observe = (type, take, more = {}) =>
    new PerformanceObserver(list => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
  observe("event", one => {
    if (!one.interactionId) return;
    const known = bench.presses[one.interactionId];
    if (known && known.took >= one.duration) return;
    const { name, duration: took, startTime, processingStart, processingEnd } = one;
    bench.presses[one.interactionId] = {
      name, took, at: startTime, waited: processingStart - startTime, worked: processingEnd - processingStart,
      on: one.target?.dataset?.testid ?? one.target?.className ?? "",
    };
  }, { durationThreshold: 16 });
  observe("longtask", one => bench.tasks.push([one.startTime, one.duration]));

  /** When what is there now is on the screen: after the next frame. */
  const painted = then => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => then(Date.now());
    channel.port2.postMessage(null);
  });

  // ---------------------------------------------------------------------------------------------------- lists
  const note = (kind, name) => {
    if (name in bench[kind]) return;
    bench[kind][name] = 0;
    painted(at => { bench[kind][name] = at; });
  };
  const rows = root => {
    for (const one of root.querySelectorAll?.("[data-testid=alert-row]") ?? []) note("alerts", one.dataset.alertId);
    for (const one of root.querySelectorAll?.("[data-testid=change-row]") ?? []) note("plans", `${one.dataset.truckId}@${one.dataset.planVersion}`);
  };
  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(changes => {
      for (const change of changes) {
        for (const node of change.addedNodes) if (node.nodeType === 1) rows(node.parentElement ?? node);
        if (change.type === "attributes") rows(change.target.parentElement ?? change.target);
      }
    }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-alert-id", "data-plan-version"] });
  });

  // ------------------------------------------------------------------------------------------------------ the map
  let lastFrame = 0;
  const beat = at => {
    if (bench.panning && lastFrame) bench.frames.push(at - lastFrame);
    lastFrame = at;
    requestAnimationFrame(beat);
  };
  requestAnimationFrame(beat);

  const once = (name, holds) => {
    if (!(name in bench.first) && holds()) bench.first[name] = performance.now();
    return name in bench.first;
  };
  const look = () => {
    const { trucks, watched } = window.benchAsked ?? {};
    if (!trucks || !window.qingyun) return setTimeout(look, 20);
    const { store, map } = window.qingyun;
    once("data", () => store.filled.value);
    once("list", () => document.querySelector("[data-testid=truck-row]"));
    const gl = map?.gl;
    const seen = [
      gl && once("bins on the map", () => gl.getLayer("bins") && gl.queryRenderedFeatures({ layers: ["bins"] }).length > 0),
      map && once("trucks on the map", () => map.trucksInView > trucks * 0.9),
    ];
    const drawn = seen.every(Boolean);
    if (!drawn || !("list" in bench.first)) return setTimeout(look, 50);
    watch(map, store, watched);
  };
  setTimeout(look, 20);

  function watch(map, store, watched) {
    for (const id of watched) [bench.places[id], bench.stored[id]] = [[], []];
    let asked = 0;
    map.onTrucksDrawn = () => {
      if (performance.now() - asked < 80) return;
      asked = performance.now();
      for (const id of watched) {
        const [lon, lat] = map.truckPlace(id) ?? [];
        const last = bench.places[id].at(-1);
        if (lon !== undefined && (!last || last[1] !== lon || last[2] !== lat)) bench.places[id].push([Date.now(), lon, lat]);
      }
    };
    store.tables.truck.version.subscribe(() => {
      for (const id of watched) {
        const truck = store.tables.truck.items.get(id);
        if (truck && bench.stored[id].at(-1)?.[1] !== truck.event_time_ms) bench.stored[id].push([Date.now(), truck.event_time_ms, truck.lon, truck.lat]);
      }
    });
  }
})();
