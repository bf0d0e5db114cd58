/** Where the roads on a map or a drawing come from, said beside each that shows them. */

import type { City } from "../contract.ts";

export const creditOf = (city: City | undefined): string => city?.attribution || "© OpenStreetMap contributors, ODbL";
