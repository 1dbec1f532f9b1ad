import { Ban, Braces, MapPin, ShoppingBag } from "lucide-react";
import type { ReactNode } from "react";
import { useState } from "react";
import { linkify } from "../lib/linkify";
import type { Message } from "../store/live";
import type { Thread } from "../store/thread";
import { Attachments } from "./attachments";
import { ContactCards } from "./contact-cards";
import { RawDialog } from "./raw-dialog";
import { describe, sentence } from "./words";

const shown: ReadonlySet<Message["kind"]> = new Set(["TEXT", "IMAGE", "AUDIO", "VIDEO", "DOCUMENT", "STICKER", "LOCATION", "CONTACTS", "INTERACTIVE", "ORDER", "TEMPLATE"]);

/** What a message says, as what it is. A kind without a form of its own is a labelled placeholder, never nothing. */
export function Content({ message, thread }: { message: Message; thread: Thread }) {
  if (message.deleted) return <Deleted message={message} thread={thread} />;
  const { text, location, reply, order, template } = message;
  const parts: ReactNode[] = [];
  if (message.attachments.length > 0) parts.push(<Attachments key="files" message={message} thread={thread} />);
  if (location) parts.push(<Place key="place" location={location} />);
  if (message.contactCards.length > 0) parts.push(<ContactCards key="cards" cards={message.contactCards} />);
  if (reply) parts.push(<Choice key="choice" reply={reply} />);
  if (order) parts.push(<Basket key="basket" order={order} />);
  if (template) parts.push(<Sent key="template" template={template} hasText={text !== ""} />);
  if (text !== "" && text !== reply?.title) parts.push(<Text key="text">{text}</Text>);
  if (parts.length === 0 || !shown.has(message.kind)) parts.unshift(<Placeholder key="placeholder" message={message} thread={thread} />);
  return <div className="flex flex-col gap-1.5">{parts}</div>;
}

function Text({ children }: { children: string }) {
  return (
    <p dir="auto" className="break-words whitespace-pre-wrap">
      {linkify(children).map((part, i) =>
        part.href ? (
          <a key={i} href={part.href} target="_blank" rel="noopener noreferrer nofollow" className="text-accent underline underline-offset-2">
            {part.text}
          </a>
        ) : (
          part.text
        ),
      )}
    </p>
  );
}

function Deleted({ message, thread }: { message: Message; thread: Thread }) {
  return (
    <p className="flex items-center gap-1.5 text-ink-2 italic">
      <Ban size={14} aria-hidden /> {message.direction === "INBOUND" ? "The customer deleted this message" : "Deleted"}
      <RawButton message={message} thread={thread} />
    </p>
  );
}

function Placeholder({ message, thread }: { message: Message; thread: Thread }) {
  const label = message.kind === "UNSUPPORTED" ? describe(message) : (message.label && sentence(message.label)) || describe(message);
  return (
    <div className="flex items-center gap-2.5 rounded-lg border border-dashed border-edge px-3 py-2">
      <Braces size={16} aria-hidden className="shrink-0 text-ink-3" />
      <span className="grow">
        <span className="block font-medium">{label}</span>
        <span className="block text-xs text-ink-2">Not shown in a form of its own yet</span>
      </span>
      <RawButton message={message} thread={thread} />
    </div>
  );
}

function RawButton({ message, thread }: { message: Message; thread: Thread }) {
  const [open, setOpen] = useState(false);
  if (message.direction !== "INBOUND") return null;
  return (
    <>
      <button type="button" onClick={() => setOpen(true)} className="rounded text-xs font-medium whitespace-nowrap text-accent not-italic underline-offset-2 hover:underline">
        Show content
      </button>
      {open && <RawDialog message={message} thread={thread} onClose={() => setOpen(false)} />}
    </>
  );
}

function Place({ location }: { location: NonNullable<Message["location"]> }) {
  const { latitude, longitude, name, address } = location;
  const point = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  return (
    <a
      // A link and no picture of a map: a map would tell its maker where the customer is before anybody asked.
      href={`https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=16/${latitude}/${longitude}`}
      target="_blank"
      rel="noopener noreferrer"
      className="flex items-center gap-3 rounded-lg bg-sunken px-3 py-2 hover:underline"
    >
      <MapPin size={20} aria-hidden className="shrink-0 text-danger" />
      <span className="min-w-0">
        <span className="block font-medium break-words">{name || "Location"}</span>
        {address && <span className="block text-xs break-words text-ink-2">{address}</span>}
        <span className="tabular block text-xs text-ink-2">{point}</span>
      </span>
    </a>
  );
}

function Choice({ reply }: { reply: NonNullable<Message["reply"]> }) {
  return (
    <div className="border-l-3 border-ok pl-2.5">
      <p className="text-2xs text-ink-2">Chosen</p>
      <p className="font-medium break-words">{reply.title}</p>
      {reply.description && <p className="text-xs text-ink-2">{reply.description}</p>}
      {reply.form && <Form json={reply.form} />}
    </div>
  );
}

function Form({ json }: { json: string }) {
  let answers: [string, unknown][];
  try {
    const parsed: unknown = JSON.parse(json);
    answers = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
  } catch {
    answers = [];
  }
  if (answers.length === 0) return <p className="mt-1 text-xs break-all">{json}</p>;
  return (
    <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-xs">
      {answers.map(([question, answer]) => (
        <div key={question} className="contents">
          <dt className="text-ink-2">{sentence(question)}</dt>
          <dd className="break-words">{typeof answer === "string" ? answer : JSON.stringify(answer)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Basket({ order }: { order: NonNullable<Message["order"]> }) {
  return (
    <div className="min-w-52">
      <p className="mb-1 flex items-center gap-1.5 font-medium">
        <ShoppingBag size={15} aria-hidden /> Order
      </p>
      <table className="tabular w-full text-sm">
        <tbody>
          {order.items.map((item, i) => (
            <tr key={i} className="border-t border-line">
              <td className="py-1 pr-3 text-ink-2">{item.quantity} ×</td>
              <td className="py-1 pr-3 break-all">{item.productId}</td>
              <td className="py-1 text-right whitespace-nowrap">
                {item.price} {item.currency}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Sent({ template, hasText }: { template: NonNullable<Message["template"]>; hasText: boolean }) {
  const values = [...template.header, ...template.body];
  return (
    <div>
      <p className="text-2xs text-ink-2">Template</p>
      <p className={hasText ? "text-xs text-ink-2" : "font-medium break-words"}>
        {template.name} <span className="text-xs font-normal text-ink-2">({template.language})</span>
      </p>
      {values.length > 0 && (
        <ul className="mt-1 flex flex-wrap gap-1">
          {values.map((value, i) => (
            <li key={i} className="max-w-full truncate rounded bg-[light-dark(rgb(20_24_40/0.06),rgb(255_255_255/0.09))] px-1.5 py-0.5 text-xs">
              {value}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
