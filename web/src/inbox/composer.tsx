import { AlarmClock, CheckCircle2, FileText, RotateCcw, SendHorizontal, X } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useState } from "react";
import { focusRow } from "../app/shortcuts";
import { useWorkspace } from "../app/workspace";
import { useNow } from "../lib/now";
import { whenAhead } from "../lib/time";
import { useValue } from "../lib/value";
import type { Conversation, Message } from "../store/live";
import type { Thread } from "../store/thread";
import { Button, IconButton } from "../ui/button";
import { ReplyWindow, useWindowOpen } from "./reply-window";
import { TemplateForm } from "./template-form";
import { describe } from "./words";

interface Props {
  conversation: Conversation;
  thread: Thread;
}

const longest = 4096;

/** Where the agent writes; or why he cannot, and what he can do instead. */
export function Composer({ conversation, thread }: Props) {
  const { actions } = useWorkspace();
  const now = useNow(30_000);
  const [template, setTemplate] = useState(false);
  const { status, snoozedUntil } = conversation;
  const reopen = (
    <Button size="sm" onClick={() => void actions.reopen(conversation.id)}>
      <RotateCcw size={14} aria-hidden /> Reopen to reply
    </Button>
  );
  if (status === "RESOLVED") {
    return (
      <Closed icon={<CheckCircle2 size={16} aria-hidden />} action={reopen}>
        This conversation is resolved.
      </Closed>
    );
  }
  if (status === "SNOOZED") {
    return (
      <Closed icon={<AlarmClock size={16} aria-hidden />} action={reopen}>
        Snoozed{snoozedUntil && ` until ${whenAhead(snoozedUntil, now)}`}.
      </Closed>
    );
  }
  return (
    <div className="shrink-0 border-t border-line bg-surface px-3 pt-2 pb-[max(0.75rem,env(safe-area-inset-bottom))] md:px-6">
      <div className="mx-auto max-w-3xl">
        <Writing conversation={conversation} thread={thread} onTemplate={() => setTemplate(true)} />
      </div>
      {template && <TemplateForm conversation={conversation} thread={thread} onClose={() => setTemplate(false)} />}
    </div>
  );
}

function Closed({ icon, action, children }: { icon: ReactNode; action: ReactNode; children: ReactNode }) {
  return (
    <div className="flex shrink-0 flex-wrap items-center justify-center gap-x-3 gap-y-1 border-t border-line bg-surface px-4 py-3 text-ink-2">
      <span className="flex items-center gap-2">
        {icon}
        <span>{children}</span>
      </span>
      {action}
    </div>
  );
}

function Writing({ conversation, thread, onTemplate }: Props & { onTemplate: () => void }) {
  const workspace = useWorkspace();
  const { outbox, viewer, actions } = workspace;
  const [text, setText] = useDraft(conversation.id);
  const quoting = useValue(workspace.quoted).get(conversation.id) ?? null;
  const open = useWindowOpen(conversation.replyWindow);
  const { assignee } = conversation;
  const sendable = open && text.trim() !== "" && text.length <= longest;

  const send = () => {
    if (!sendable) return;
    outbox.send({
      conversationId: conversation.id,
      text: text.trim(),
      replyToMessageId: quoting?.id ?? null,
      expectedLastSeq: thread.lastSeq(),
    });
    setText("");
    workspace.quote(conversation.id, null);
  };
  const keys = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    // While an input method composes a character, Enter chooses the character.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape") {
      if (quoting) workspace.quote(conversation.id, null);
      else focusRow(conversation.id);
    }
  };

  return (
    <>
      <div className="flex min-h-7 flex-wrap items-center justify-between gap-x-4 pb-1.5">
        <ReplyWindow window={conversation.replyWindow} />
        {assignee === null ? (
          <p className="text-xs text-ink-2">
            Nobody has claimed this.{" "}
            <button type="button" className="rounded font-medium text-accent underline-offset-2 hover:underline" onClick={() => void actions.claim(conversation.id)}>
              Claim it
            </button>
          </p>
        ) : (
          assignee.id !== viewer.agent.id && <p className="text-xs text-warn">{assignee.name} is answering here.</p>
        )}
      </div>
      {quoting && <Quoting message={quoting} onDrop={() => workspace.quote(conversation.id, null)} />}
      {open ? (
        <div className="flex items-end gap-1 rounded-xl border border-edge bg-surface p-1 focus-within:outline-2 focus-within:-outline-offset-1 focus-within:outline-accent">
          <IconButton label="Send a template" className="size-9" onClick={onTemplate}>
            <FileText size={18} aria-hidden />
          </IconButton>
          <textarea
            id="composer"
            aria-label="Your message"
            aria-keyshortcuts="r"
            placeholder="Write a message"
            rows={1}
            value={text}
            dir="auto"
            enterKeyHint="send"
            onChange={(event) => setText(event.target.value)}
            onKeyDown={keys}
            className="grow-with-text max-h-48 min-h-9 min-w-0 grow resize-none bg-transparent px-1 py-2 text-base leading-5 outline-none placeholder:text-ink-3 sm:text-sm"
          />
          {text.length > longest - 200 && (
            <span className={text.length > longest ? "self-center text-xs text-danger" : "tabular self-center text-xs text-ink-2"}>{longest - text.length}</span>
          )}
          <IconButton
            label="Send"
            shortcut="Enter"
            disabled={!sendable}
            onClick={send}
            className="size-9 bg-accent text-on-accent hover:bg-accent-strong hover:text-on-accent disabled:bg-sunken disabled:text-ink-3 disabled:opacity-100"
          >
            <SendHorizontal size={17} aria-hidden />
          </IconButton>
        </div>
      ) : (
        <div className="flex items-center justify-between gap-3 rounded-xl border border-line bg-canvas py-2 pr-2 pl-4">
          <p className="text-ink-2">
            {conversation.replyWindow.reason === "NEVER_STARTED" ? "The customer has not written here yet." : "The customer last wrote more than 24 hours ago."} Only a template goes
            through now.
          </p>
          <Button tone="primary" onClick={onTemplate}>
            <FileText size={16} aria-hidden /> Send a template
          </Button>
        </div>
      )}
    </>
  );
}

function Quoting({ message, onDrop }: { message: Message; onDrop: () => void }) {
  return (
    <div className="mb-1.5 flex items-center gap-2 rounded-lg border-l-3 border-accent bg-sunken py-1 pr-1 pl-3 text-xs">
      <span dir="auto" className="min-w-0 grow truncate">
        <span className="font-medium">Answering: </span>
        {message.text || describe(message)}
      </span>
      <IconButton label="Do not quote" className="size-7" onClick={onDrop}>
        <X size={14} aria-hidden />
      </IconButton>
    </div>
  );
}

/** The text begun in a conversation; it is still there when the agent comes back to it. */
function useDraft(conversationId: string): [string, (text: string) => void] {
  const { drafts } = useWorkspace();
  const [text, setText] = useState(() => drafts.get(conversationId) ?? "");
  useEffect(() => {
    const taken = (event: Event) => {
      if (event instanceof CustomEvent && event.detail === conversationId) setText(drafts.get(conversationId) ?? "");
    };
    addEventListener("draft", taken);
    return () => removeEventListener("draft", taken);
  }, [conversationId, drafts]);
  return [
    text,
    (next) => {
      if (next === "") drafts.delete(conversationId);
      else drafts.set(conversationId, next);
      setText(next);
    },
  ];
}
