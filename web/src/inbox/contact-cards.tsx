import { Contact } from "lucide-react";
import type { Message } from "../store/live";

/** Address book entries that the customer shared. */
export function ContactCards({ cards }: { cards: Message["contactCards"] }) {
  return (
    <ul className="flex min-w-52 flex-col gap-2">
      {cards.map((card, i) => (
        <li key={i} className="flex gap-3 rounded-lg bg-sunken px-3 py-2">
          <Contact size={20} aria-hidden className="mt-0.5 shrink-0 text-ink-3" />
          <div className="min-w-0">
            <p className="font-medium break-words">{card.name}</p>
            {card.organization && <p className="text-xs text-ink-2">{card.organization}</p>}
            {[...card.phones, ...card.emails, ...card.urls].map((line) => (
              <p key={line} className="text-xs break-all text-ink-2">
                {line}
              </p>
            ))}
          </div>
        </li>
      ))}
    </ul>
  );
}
