"""A driver's page in a real browser, and what it has shown of the plans, with the wall time at which it showed it."""

from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Page

_WATCH: Final = """() => {
  window.plansShown = [];
  const look = () => {
    const said = document.querySelector('[data-testid="changed"], [data-testid="last-change"]');
    if (!said) return;
    const version = Number(said.dataset.planVersion);
    if (window.plansShown.at(-1)?.version === version) return;
    const stops = [...document.querySelectorAll('[data-stop-id]')].map(one => one.dataset.stopId).filter(Boolean);
    const words = said.querySelector('[data-testid="plan-reason"]').textContent;
    window.plansShown.push({ version, reason: said.dataset.reason, words, stops, wall_ms: Date.now() });
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
  look();
}"""
"""Notes each plan at the moment it stands on the page: the town's own driver may confirm it on another phone at once."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One plan as the page showed it: ``words`` = why, as a driver reads it; ``stops`` = what is still to be collected."""

    version: int
    reason: str
    words: str
    stops: list[str]
    wall_ms: float


class Cab:
    """An open driver's page, used from the passenger's seat."""

    def __init__(self, page: Page, truck_id: str) -> None:
        self.page, self.truck_id = page, truck_id
        page.wait_for_selector('[data-testid="changed"], [data-testid="last-change"]', timeout=30_000, state="attached")
        passenger = page.get_by_test_id("passenger")
        page.add_locator_handler(passenger, lambda found: found.click())  # the truck drives: who presses sits beside
        page.evaluate(_WATCH)

    def shown(self) -> list[Shown]:
        """Return the plans the page has shown since it was opened."""
        said: list[dict[str, Any]] = self.page.evaluate("() => window.plansShown")
        return [Shown(**one) for one in said]
