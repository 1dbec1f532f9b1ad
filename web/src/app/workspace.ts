import { createContext, useContext } from "react";
import type { Session, Viewer } from "../api/session";
import { Alerts } from "../store/alerts";
import { Live, type Message } from "../store/live";
import { Outbox } from "../store/outbox";
import type { Thread } from "../store/thread";
import { Unread } from "../store/unread";
import { Toasts } from "../ui/toasts";
import { Value } from "../lib/value";
import { Actions } from "./actions";
import { Router } from "./route";

export type Menu = "snooze" | "reassign" | null;

/** Everything that lives from sign-in to sign-out. */
export class Workspace {
  readonly session: Session;
  readonly viewer: Viewer;
  readonly live: Live;
  readonly unread: Unread;
  readonly outbox: Outbox;
  readonly alerts: Alerts | null;
  readonly toasts = new Toasts();
  readonly router = new Router();
  readonly actions: Actions;
  /** The thread on the screen. */
  readonly thread = new Value<Thread | null>(null);
  /** The row that j and k stand on. */
  readonly active = new Value<string | null>(null);
  readonly menu = new Value<Menu>(null);
  readonly help = new Value(false);
  /** Texts begun and not sent, by conversation. */
  readonly drafts = new Map<string, string>();
  /** The messages that the agent is about to quote, by conversation. */
  readonly quoted = new Value<ReadonlyMap<string, Message>>(new Map());
  /** Under which key a message was shown while it was on its way, so that its bubble stays the same when it is stored. */
  readonly bubbleKeys = new Map<string, string>();

  #stop = new AbortController();

  constructor(session: Session, viewer: Viewer) {
    this.session = session;
    this.viewer = viewer;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.live = new Live(session, viewer, `${scheme}//${location.host}/graphql`);
    this.unread = new Unread(this.live);
    this.outbox = new Outbox(this.live.api, this.live.link.state, viewer.agent.id, (message, key) => {
      this.bubbleKeys.set(message.id, key);
      const thread = this.thread.get();
      if (thread?.conversationId === message.conversationId) thread.keep(message);
    });
    this.alerts = this.supervises ? new Alerts(this.live) : null;
    this.actions = new Actions(this);
    // What waits in the outbox survives a reload, but not the closing of the tab.
    const leaving = (event: BeforeUnloadEvent) => {
      if (this.outbox.items.get().some((item) => !item.refusal)) event.preventDefault();
    };
    addEventListener("beforeunload", leaving, { signal: this.#stop.signal });
  }

  get supervises(): boolean {
    return this.viewer.agent.role !== "AGENT";
  }

  quote(conversationId: string, message: Message | null): void {
    const next = new Map(this.quoted.get());
    if (message) next.set(conversationId, message);
    else next.delete(conversationId);
    this.quoted.set(next);
  }

  dispose(): void {
    this.#stop.abort();
    this.outbox.dispose();
    this.unread.dispose();
    this.alerts?.dispose();
    this.live.dispose();
  }
}

const Context = createContext<Workspace | null>(null);

export const WorkspaceProvider = Context.Provider;

export function useWorkspace(): Workspace {
  const workspace = useContext(Context);
  if (!workspace) throw new Error("useWorkspace is called outside of a signed-in page.");
  return workspace;
}
