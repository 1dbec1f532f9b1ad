import { AtSign, CircleAlert, Fingerprint, Phone, X } from "lucide-react";
import { useWorkspace } from "../app/workspace";
import { cx } from "../lib/cx";
import { useNow } from "../lib/now";
import { useResource } from "../lib/resource";
import { useRow } from "../lib/table";
import { fullTime, shortAge } from "../lib/time";
import { useValue } from "../lib/value";
import { ConversationList } from "../store/list";
import type { Contact, Conversation } from "../store/live";
import type { Thread } from "../store/thread";
import { Avatar, channelName } from "../ui/bits";
import { IconButton } from "../ui/button";
import { contactName } from "./names";

interface Props {
  conversationId: string;
  /** Below a wide screen it lies over the thread, and only when asked for. */
  shown: boolean;
  onClose: () => void;
}

/** The right pane: who the customer is, and what else there is with him. */
export function ContactPane({ conversationId, shown, onClose }: Props) {
  const { live } = useWorkspace();
  const conversation = useRow(live.conversations, conversationId);
  const contact = useRow(live.contacts, conversation?.contact.id);
  return (
    <aside
      aria-label="Contact"
      className={cx(
        "w-76 shrink-0 overflow-y-auto border-l border-line bg-surface max-xl:absolute max-xl:inset-y-0 max-xl:right-0 max-xl:z-10 max-xl:shadow-pop max-md:w-full",
        !shown && "max-xl:hidden",
      )}
    >
      <IconButton label="Close contact details" className="absolute top-3 right-3 xl:hidden" onClick={onClose}>
        <X size={18} aria-hidden />
      </IconButton>
      {conversation && contact ? <Details contact={contact} conversation={conversation} /> : <NotYet />}
    </aside>
  );
}

function Details({ contact, conversation }: { contact: Contact; conversation: Conversation }) {
  const name = contactName(contact);
  return (
    <>
      <div className="flex flex-col items-center gap-2 px-5 pt-8 pb-5 text-center">
        <Avatar name={name} id={contact.id} size="lg" />
        <h2 className="max-w-full text-base font-semibold break-words">{name}</h2>
        <p className="text-xs text-ink-2">
          Customer since <time dateTime={contact.createdAt}>{new Date(contact.createdAt).toLocaleDateString(undefined, { dateStyle: "medium" })}</time>
        </p>
      </div>
      <Section title="Reachable by">
        <ul className="flex flex-col gap-2.5">
          {contact.identities.map((identity) => (
            <Identity key={`${identity.kind}${identity.value}`} identity={identity} />
          ))}
        </ul>
      </Section>
      <Section title="This conversation">
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
          <dt className="text-ink-2">Channel</dt>
          <dd className="truncate">{channelName(conversation.channelAccount.channel)}</dd>
          <dt className="text-ink-2">Account</dt>
          <dd className="truncate">
            {conversation.channelAccount.name}
            {conversation.channelAccount.status !== "ACTIVE" && (
              <span className="block text-xs text-danger">{conversation.channelAccount.status === "DISABLED" ? "Switched off" : "Credentials refused"}</span>
            )}
          </dd>
          <dt className="text-ink-2">Team</dt>
          <dd className="truncate">{conversation.team?.name ?? "Everybody"}</dd>
          <dt className="text-ink-2">Began</dt>
          <dd className="truncate">{fullTime(conversation.createdAt)}</dd>
          {conversation.followUpAt && (
            <>
              <dt className="text-ink-2">Follow up</dt>
              <dd className="text-danger">No channel could deliver. Someone should call.</dd>
            </>
          )}
        </dl>
      </Section>
      <OtherConversations contactId={contact.id} except={conversation.id} />
    </>
  );
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="border-t border-line px-5 py-4">
      <h3 className="mb-2.5 text-xs font-semibold text-ink-2">{title}</h3>
      {children}
    </section>
  );
}

const identityNames: Record<Contact["identities"][number]["kind"], string> = {
  PHONE: "Phone",
  EMAIL: "Email",
  META_USER_ID: "Meta user id",
};

function Identity({ identity }: { identity: Contact["identities"][number] }) {
  const Icon = identity.kind === "PHONE" ? Phone : identity.kind === "EMAIL" ? AtSign : Fingerprint;
  return (
    <li className="flex gap-2.5">
      <Icon size={15} role="img" aria-label={identityNames[identity.kind]} className="mt-0.5 shrink-0 text-ink-3" />
      <span className="min-w-0">
        <span className={cx("tabular block break-all select-all", identity.invalidAt && "text-ink-2 line-through")}>{identity.value}</span>
        {identity.invalidAt && (
          <span className="flex items-start gap-1 text-xs text-danger" title={fullTime(identity.invalidAt)}>
            <CircleAlert size={13} aria-hidden className="mt-0.5 shrink-0" />
            Cannot be reached{identity.invalidReason && `: ${identity.invalidReason}`}
          </span>
        )}
      </span>
    </li>
  );
}

/** Everything else with this customer, live. Its stream also keeps the open conversation fresh when it is in no list on the screen. */
function OtherConversations({ contactId, except }: { contactId: string; except: string }) {
  const { live, unread, toasts } = useWorkspace();
  const list = useResource(contactId, () => new ConversationList(live, unread, toasts, { contactId }));
  return <Section title="Other conversations">{list ? <Others list={list} except={except} /> : <div aria-hidden className="skeleton h-9" />}</Section>;
}

function Others({ list, except }: { list: ConversationList; except: string }) {
  const { router, live } = useWorkspace();
  const ids = useValue(list.ids).filter((id) => id !== except);
  const ready = useValue(list.phase).kind === "ready";
  const now = useNow(60_000);
  if (!ready) return <div aria-hidden className="skeleton h-9" />;
  if (ids.length === 0) return <p className="text-ink-2">None</p>;
  return (
    <ul className="-mx-2 flex flex-col">
      {ids.map((id) => {
        const conversation = live.conversations.get(id);
        if (!conversation) return null;
        return (
          <li key={id}>
            <button type="button" onClick={() => router.go({ conversationId: id })} className="block w-full rounded-lg px-2 py-1.5 text-left hover:bg-sunken">
              <span className="flex items-baseline gap-2">
                <span className="grow truncate font-medium">{conversation.channelAccount.name}</span>
                <span className="tabular text-xs text-ink-3">{shortAge(conversation.lastMessageAt, now)}</span>
              </span>
              <span className="block truncate text-xs text-ink-2">
                {conversation.status.charAt(0) + conversation.status.slice(1).toLowerCase()} · {conversation.preview}
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** What stands here until the conversation is known; nothing when it never will be. */
function NotYet() {
  const thread = useValue(useWorkspace().thread);
  return thread ? <Awaited thread={thread} /> : <SkeletonDetails />;
}

function Awaited({ thread }: { thread: Thread }) {
  return useValue(thread.phase).kind === "failed" ? null : <SkeletonDetails />;
}

function SkeletonDetails() {
  return (
    <div aria-hidden className="flex flex-col items-center gap-3 pt-8">
      <div className="skeleton size-14 rounded-full" />
      <div className="skeleton h-4 w-32" />
      <div className="skeleton h-3 w-24" />
    </div>
  );
}
