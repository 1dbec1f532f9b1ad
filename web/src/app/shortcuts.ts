import { useEffect } from "react";
import type { Workspace } from "./workspace";

/** Moves the focus to a row of the list. */
export function focusRow(id: string): void {
  const row = document.getElementById(`row-${id}`);
  row?.focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}

export function focusComposer(): void {
  document.getElementById("composer")?.focus();
}

/** Listens for the single keys of the whole page. They sleep while the agent writes, and while a dialog or a menu is open. */
export function useShortcuts(workspace: Workspace): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (isWriting(event.target) || document.querySelector("dialog[open]")) return;
      if (run(workspace, event.key)) event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [workspace]);
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** The conversation that a key acts on: the row with the focus, else the open one, else the row that j and k left off at. */
function target(workspace: Workspace): string | null {
  const row = document.activeElement?.closest<HTMLElement>("[role=option][data-id]");
  return row?.dataset.id ?? workspace.router.route.get().conversationId ?? workspace.active.get();
}

function run(workspace: Workspace, key: string): boolean {
  if (key === "j" || key === "k") return move(workspace, key === "j" ? 1 : -1);
  if (key === "?") {
    workspace.help.set(true);
    return true;
  }
  const id = target(workspace);
  const conversation = id ? workspace.live.conversations.get(id) : undefined;
  if (!conversation) return false;
  const { actions, router } = workspace;
  if (key === "Escape") {
    focusRow(conversation.id);
    return true;
  }
  const open = () => router.go({ conversationId: conversation.id });
  switch (key) {
    case "c":
      void actions.claim(conversation.id);
      return true;
    case "e":
      if (conversation.status !== "RESOLVED") void actions.resolve(conversation);
      return true;
    case "o":
      if (conversation.status !== "OPEN") void actions.reopen(conversation.id);
      return true;
    case "s":
      open();
      if (conversation.status !== "RESOLVED") workspace.menu.set("snooze");
      return true;
    case "r":
      open();
      // The composer of a conversation that was not open appears with the next paint.
      requestAnimationFrame(() => requestAnimationFrame(focusComposer));
      return true;
    default:
      return false;
  }
}

function move(workspace: Workspace, step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>("[role=option][data-id]")];
  if (rows.length === 0) return false;
  const focused = rows.findIndex((row) => row === document.activeElement);
  const entry = rows.findIndex((row) => row.dataset.active === "true");
  const open = workspace.router.route.get().conversationId;
  // From outside the list the first press only comes to it, unless the row there is the one that is open already.
  const next =
    focused < 0 && rows[entry]?.dataset.id !== open
      ? rows[Math.max(entry, 0)]
      : rows[Math.min(Math.max((focused < 0 ? entry : focused) + step, 0), rows.length - 1)];
  if (next?.dataset.id) focusRow(next.dataset.id);
  return true;
}
