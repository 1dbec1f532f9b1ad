import { Value } from "../lib/value";
import { formatRoute, parseRoute, type Route } from "./route-path";

/** The address bar, as a value. */
export class Router {
  readonly route = new Value<Route>(parseRoute(location.pathname, location.search));

  constructor() {
    addEventListener("popstate", () => this.route.set(parseRoute(location.pathname, location.search)));
  }

  go(change: Partial<Route>): void {
    const next = { ...this.route.get(), ...change };
    const path = formatRoute(next);
    if (path === location.pathname + location.search) return;
    history.pushState(null, "", path);
    this.route.set(next);
  }
}
