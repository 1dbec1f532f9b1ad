import { CircleAlert, MessagesSquare } from "lucide-react";
import { useEffect } from "react";
import { useWorkspace } from "../app/workspace";
import { useResource } from "../lib/resource";
import { useRow } from "../lib/table";
import { useValue } from "../lib/value";
import { Thread } from "../store/thread";
import { Button } from "../ui/button";
import { Empty, Kbd } from "../ui/bits";
import { Composer } from "./composer";
import { useContactName } from "./names";
import { ThreadHeader } from "./thread-header";
import { Timeline } from "./timeline";
import { describe } from "./words";

interface Props {
  contactShown: boolean;
  onToggleContact: () => void;
}

/** The middle pane: the open conversation, or how to open one. */
export function ThreadPane(props: Props) {
  const workspace = useWorkspace();
  const { conversationId } = useValue(workspace.router.route);
  const thread = useResource(conversationId, () => new Thread(workspace.live, conversationId ?? ""));
  useEffect(() => {
    workspace.thread.set(thread);
    return () => workspace.thread.set(null);
  }, [workspace, thread]);
  if (conversationId === null) {
    return (
      <section aria-label="Conversation" className="grow">
        <Empty icon={<MessagesSquare size={22} aria-hidden />} title="No conversation is open">
          <p>
            Choose one from the list, or press <Kbd>j</Kbd> and <Kbd>Enter</Kbd>
          </p>
        </Empty>
      </section>
    );
  }
  return (
    <section aria-label="Conversation" className="flex min-w-0 grow flex-col">
      {thread && <OpenThread thread={thread} {...props} />}
    </section>
  );
}

function OpenThread({ thread, ...header }: Props & { thread: Thread }) {
  const { live, router } = useWorkspace();
  const conversation = useRow(live.conversations, thread.conversationId);
  const phase = useValue(thread.phase);
  useEffect(() => {
    // On a phone the list, and the row that had the focus, is gone now.
    if (document.activeElement === document.body && matchMedia("(width < 48rem)").matches) document.getElementById("messages")?.focus();
  }, []);
  if (phase.kind === "failed" && (!conversation || phase.error.code === "NOT_FOUND" || phase.error.code === "FORBIDDEN")) {
    return (
      <Empty icon={<CircleAlert size={22} aria-hidden />} title="This conversation cannot be shown">
        <p className="mb-3">{phase.error.message}</p>
        <Button size="sm" onClick={() => router.go({ conversationId: null })}>
          Back to the list
        </Button>
      </Empty>
    );
  }
  return (
    <>
      <ThreadHeader conversation={conversation} {...header} />
      <Timeline thread={thread} />
      {conversation && <Composer key={conversation.id} conversation={conversation} thread={thread} />}
      <Announcer thread={thread} />
    </>
  );
}

/** Reads out what the contact writes while the conversation is open. Not the whole thread: pages read later are not news. */
function Announcer({ thread }: { thread: Thread }) {
  const { live } = useWorkspace();
  const message = useValue(thread.arrived);
  const conversation = useRow(live.conversations, thread.conversationId);
  const name = useContactName(conversation?.contact);
  return (
    <p role="log" aria-label="New messages" className="sr-only">
      {message && `${name}: ${message.text || describe(message)}`}
    </p>
  );
}
