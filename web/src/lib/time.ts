const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Returns the start of the local day that the time is in. */
export function dayStart(time: number): number {
  const date = new Date(time);
  date.setHours(0, 0, 0, 0);
  return date.getTime();
}

/** Returns how long ago something was, as short as a list needs it: "now", "5m", "14:03", "Tue", "3 Nov". */
export function shortAge(iso: string, now: number): string {
  const time = Date.parse(iso);
  const age = now - time;
  if (age < minute) return "now";
  if (age < hour) return `${Math.floor(age / minute)}m`;
  const days = Math.round((dayStart(now) - dayStart(time)) / day);
  if (days === 0) return clock(iso);
  if (days < 7) return new Date(time).toLocaleDateString(undefined, { weekday: "short" });
  return new Date(time).toLocaleDateString(undefined, dateParts(time, now));
}

/** Returns the time of day. */
export function clock(iso: string): string {
  return new Date(iso).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}

/** Returns the name of a day in a thread: "Today", "Yesterday", "Tuesday, 3 November". */
export function dayName(iso: string, now: number): string {
  const time = Date.parse(iso);
  const days = Math.round((dayStart(now) - dayStart(time)) / day);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return new Date(time).toLocaleDateString(undefined, { weekday: "long", ...dateParts(time, now, "long") });
}

/** Returns the point in time in full, for details and tooltips. */
export function fullTime(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** Returns a time ahead, as a person says it: "today 16:00", "tomorrow 09:00", "Mon 09:00", "3 Dec 09:00". */
export function whenAhead(iso: string, now: number): string {
  const time = Date.parse(iso);
  const days = Math.round((dayStart(time) - dayStart(now)) / day);
  const at = clock(iso);
  if (days <= 0) return `today ${at}`;
  if (days === 1) return `tomorrow ${at}`;
  if (days < 7) return `${new Date(time).toLocaleDateString(undefined, { weekday: "short" })} ${at}`;
  return `${new Date(time).toLocaleDateString(undefined, dateParts(time, now))} ${at}`;
}

/** Returns the time that is left, in the two largest units: "23h 10m", "4m 30s"; "0s" when none is. */
export function timeLeft(until: number, now: number): string {
  const seconds = Math.max(0, Math.floor((until - now) / 1000));
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (hours > 0) return `${hours}h ${minutes}m`;
  if (minutes >= 10) return `${minutes}m`;
  if (minutes > 0) return `${minutes}m ${seconds % 60}s`;
  return `${seconds}s`;
}

/** A time to snooze until. */
export interface Preset {
  label: string;
  until: Date;
}

/** Returns the usual times to set a conversation aside until, all in the future and no two the same. */
export function snoozePresets(now: number): Preset[] {
  const at = (days: number, hours: number) => {
    const date = new Date(dayStart(now));
    date.setDate(date.getDate() + days);
    date.setHours(hours);
    return date;
  };
  const today = new Date(now).getDay();
  const untilMonday = (8 - today) % 7 || 7;
  const presets: Preset[] = [
    { label: "In 1 hour", until: new Date(now + hour) },
    { label: "In 3 hours", until: new Date(now + 3 * hour) },
    { label: "Tomorrow", until: at(1, 9) },
  ];
  if (untilMonday > 1) presets.push({ label: "Monday", until: at(untilMonday, 9) });
  presets.push({ label: "In a week", until: at(7, 9) });
  return presets.filter((one, i) => presets.findIndex((other) => other.until.getTime() === one.until.getTime()) === i);
}

/** Returns the value of a datetime-local field for the time. */
export function localInput(date: Date): string {
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

function pad(n: number): string {
  return String(n).padStart(2, "0");
}

function dateParts(time: number, now: number, month: "short" | "long" = "short"): Intl.DateTimeFormatOptions {
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return { day: "numeric", month, ...(sameYear ? {} : { year: "numeric" }) };
}
