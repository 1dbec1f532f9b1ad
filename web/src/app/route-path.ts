export const tabs = ["mine", "unassigned", "all"] as const;
export const statuses = ["open", "snoozed", "resolved"] as const;

export type Tab = (typeof tabs)[number];
export type StatusTab = (typeof statuses)[number];

/** What is on the screen, as the address bar says it, so that a conversation can be linked to and "back" goes back. */
export interface Route {
  tab: Tab;
  status: StatusTab;
  conversationId: string | null;
}

export function parseRoute(path: string, search: string): Route {
  const params = new URLSearchParams(search);
  const id = /^\/c\/([0-9a-f-]{36})$/i.exec(path)?.[1] ?? null;
  return {
    tab: tabs.find((tab) => tab === params.get("tab")) ?? "mine",
    status: statuses.find((status) => status === params.get("status")) ?? "open",
    conversationId: id,
  };
}

export function formatRoute(route: Route): string {
  const params = new URLSearchParams();
  if (route.tab !== "mine") params.set("tab", route.tab);
  if (route.status !== "open") params.set("status", route.status);
  const search = params.size > 0 ? `?${params.toString()}` : "";
  return (route.conversationId ? `/c/${route.conversationId}` : "/") + search;
}
