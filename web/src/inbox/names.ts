import { useWorkspace } from "../app/workspace";
import { useRow } from "../lib/table";
import type { Contact } from "../store/live";

/** Returns what to call a contact: the name, else how the contact can be reached. */
export function contactName(contact: Contact | undefined): string {
  if (!contact) return "";
  return contact.name || contact.identities[0]?.value || "Unknown";
}

/** Returns what to call a contact, by its newest version. */
export function useContactName(contact: Contact | undefined): string {
  const { live } = useWorkspace();
  const newest = useRow(live.contacts, contact?.id);
  return contactName(newest ?? contact);
}
