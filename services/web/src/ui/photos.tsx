/** Photos of a report, small; each opens whole. The gateway shows them to who may see the truck. */

import { words } from "../words/index.ts";

export function Photos({ photo_ids }: { photo_ids: readonly string[] }) {
  if (!photo_ids.length) return null;
  return (
    <ul class="photos">
      {photo_ids.map((photo_id, at) => {
        const address = `/api/v1/photos/${encodeURIComponent(photo_id)}`;
        return (
          <li key={photo_id}>
            <a href={address} target="_blank" rel="noopener noreferrer" data-testid="photo-link">
              <img src={address} alt={`${words.value.drive.photo} ${at + 1}`} loading="lazy" />
            </a>
          </li>
        );
      })}
    </ul>
  );
}
