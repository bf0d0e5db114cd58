/** A place on the page where the city's map is. The map's code is fetched when the page asks for one. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { session } from "../session.ts";
import { theme } from "../ui/theme.ts";
import { words } from "../words/index.ts";
import type { CityMap, Pick } from "./city_map.ts";
import { creditOf } from "./credit.ts";
import "./map.css";

interface Props {
  /** Called once with the map; what it returns is called when the map goes. */
  onReady: (map: CityMap) => () => void;
  onPick?: (pick: Pick | null) => void;
  children?: ComponentChildren;
}

export function MapView({ onReady, onPick, children }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const made = useRef<CityMap | null>(null);
  const failed = useSignal(false);
  const pick = useRef(onPick);
  pick.current = onPick;

  useEffect(() => {
    let gone = false;
    let end: (() => void) | undefined;
    const open = async () => {
      const { CityMap } = await import("./city_map.ts");
      const city = session.value?.city;
      if (gone || !place.current || !city) return;
      made.current = new CityMap(place.current, city, theme.value, what => pick.current?.(what));
      window.qingyun.map = made.current;
      end = onReady(made.current);
    };
    open().catch(() => {
      failed.value = true;
    });
    return () => {
      gone = true;
      end?.();
      made.current?.remove();
    };
  }, []);

  const colours = theme.value;
  useEffect(() => made.current?.setTheme(colours), [colours]);

  const city = session.value?.city;
  return (
    <div class="map">
      <div class="map-canvas" ref={place} data-testid="map" />
      {failed.value && <p class="note bad map-failed">{words.value.map.failed}</p>}
      {children}
      <p class="map-credit" data-testid="map-credit">
        {city?.base_map || city?.attribution ? creditOf(city) : words.value.map.plain}
      </p>
    </div>
  );
}
