/** What a page is called. */

import type { Face } from "../session.ts";
import { words } from "../words/index.ts";

export function faceName(face: Face): string {
  const { app, intake, manager } = words.value;
  return {
    dispatch: app.desk,
    driver: app.driver,
    enforcement: app.enforcement,
    intake: intake.nav,
    manager: manager.nav,
  }[face];
}
