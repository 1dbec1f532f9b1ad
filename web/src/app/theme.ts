import { Value } from "../lib/value";

export type Theme = "system" | "light" | "dark";

const key = "switchboard.theme";

function saved(): Theme {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "system";
}

export const theme = new Value<Theme>(saved());

/** Chooses the theme for this browser. public/theme.js applies the choice again before the next first paint. */
export function chooseTheme(next: Theme): void {
  theme.set(next);
  if (next === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(key);
  } else {
    document.documentElement.dataset.theme = next;
    localStorage.setItem(key, next);
  }
}
