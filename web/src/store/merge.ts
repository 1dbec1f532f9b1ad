import type { Message } from "./live";
import type { Outgoing } from "./outbox";

/**
 * Returns the waiting messages of a conversation that are not yet among its stored ones. The event of a sent message may arrive before
 * the answer to the mutation, or instead of it when the answer is lost; without this the agent would see his message twice for that
 * moment. Only a match by what it says is possible then: the viewer's own, not older than the view it was written on, not taken by
 * another waiting message. It decides what is shown, never what is sent.
 */
export function unmatched(waiting: readonly Outgoing[], stored: readonly Message[], agentId: string): Outgoing[] {
  const taken = new Set<string>();
  return waiting.filter((item) => {
    if (!item.tried || item.refusal) return true;
    const twin = stored.find((message) => !taken.has(message.id) && isTwin(message, item, agentId));
    if (twin) taken.add(twin.id);
    return !twin;
  });
}

function isTwin(message: Message, item: Outgoing, agentId: string): boolean {
  if (message.direction !== "OUTBOUND" || message.author?.id !== agentId || message.retryOf) return false;
  if (message.seq <= (item.input.expectedLastSeq ?? 0)) return false;
  if (item.input.template) return message.template?.name === item.input.template.name;
  return message.text === item.input.text;
}
