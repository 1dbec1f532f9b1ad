// The agent's choice of theme, before the first paint. Without one, the system's preference holds (see styles.css).
(function () {
  try {
    var theme = localStorage.getItem("switchboard.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; then the system's preference holds.
  }
})();
