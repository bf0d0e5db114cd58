/**
 * What a script adds to the citizen's form: where the device is, and a map, whose code is fetched only when somebody asks
 * for it. Without a script everything works by writing the place. No library, no storage, no request by itself.
 */

import "./report.css";

const byId = <T extends HTMLElement>(id: string): T | null => document.getElementById(id) as T | null;

const helpers = byId("helpers");
const lat = byId<HTMLInputElement>("lat");
const lon = byId<HTMLInputElement>("lon");
const said = byId("located");
const map = byId("map");

/** Put a place into the form, and say so. */
function take(place: readonly [lon: number, lat: number]): void {
  if (!lat || !lon || !said) return;
  lon.value = place[0].toFixed(6);
  lat.value = place[1].toFixed(6);
  byId<HTMLDetailsElement>("coordinates")?.setAttribute("open", "");
  said.textContent = (helpers?.dataset.located ?? "").replace("{place}", `${lat.value}, ${lon.value}`);
}

function locate(): void {
  if (!said) return;
  const fail = () => {
    said.textContent = helpers?.dataset.failed ?? "";
  };
  if (!navigator.geolocation) {
    fail();
    return;
  }
  said.textContent = helpers?.dataset.locating ?? "";
  navigator.geolocation.getCurrentPosition(found => take([found.coords.longitude, found.coords.latitude]), fail, {
    enableHighAccuracy: true,
    timeout: 20_000,
    maximumAge: 30_000,
  });
}

async function showMap(): Promise<void> {
  const canvas = byId("map-canvas");
  if (!map || !canvas || !map.hidden) return;
  map.hidden = false;
  try {
    const { chooseOnMap } = await import("./choose_on_map.ts");
    const typed = lon?.value && lat?.value ? ([Number(lon.value), Number(lat.value)] as const) : null;
    chooseOnMap(canvas, JSON.parse(map.dataset.city ?? "{}"), map.dataset.language ?? "en", typed, take);
  } catch {
    canvas.textContent = map.dataset.failed ?? "";
  }
}

if (helpers) {
  helpers.hidden = false;
  byId("locate")?.addEventListener("click", locate);
  byId("show-map")?.addEventListener("click", () => void showMap());
}
