import { LoaderCircle } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { asApiError, type ErrorCode } from "../api/errors";
import type { Session } from "../api/session";
import { Button } from "../ui/button";
import { Field } from "../ui/field";
import { Brand } from "./brand";

const tenantKey = "switchboard.tenant";

const troubles: Partial<Record<ErrorCode, string>> = {
  NETWORK: "Switchboard cannot be reached. Check your connection and try again.",
  // Which of the three is wrong is nobody's business.
  UNAUTHENTICATED: "Business, email or password is not right.",
  RATE_LIMITED: "Too many attempts. Wait a minute and try again.",
};

/** The form to sign in with. It remembers the business, never the person. */
export function SignIn({ session, reason }: { session: Session; reason: string | null }) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(reason);
  const password = useRef<HTMLInputElement>(null);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    setBusy(true);
    setTrouble(null);
    try {
      await session.login({
        tenant: text("tenant") || null,
        email: text("email"),
        password: String(form.get("password") ?? ""),
      });
      localStorage.setItem(tenantKey, text("tenant"));
    } catch (thrown) {
      const error = asApiError(thrown);
      setTrouble(troubles[error.code] ?? error.message);
      setBusy(false);
      password.current?.select();
    }
  };

  return (
    <main className="flex min-h-full items-center justify-center p-4">
      <div className="w-full max-w-sm">
        <div className="mb-6 flex justify-center">
          <Brand />
        </div>
        <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4 rounded-2xl border border-line bg-surface p-6 shadow-sm sm:p-8">
          <h1 className="text-lg font-semibold">Sign in to your inbox</h1>
          <Field
            label="Business"
            name="tenant"
            hint="The short name of your business, for example demo"
            defaultValue={localStorage.getItem(tenantKey) ?? ""}
            autoComplete="organization"
            autoCapitalize="none"
            spellCheck={false}
          />
          <Field label="Email" name="email" type="email" autoComplete="username" autoFocus required />
          <Field ref={password} label="Password" name="password" type="password" autoComplete="current-password" required maxLength={1000} />
          <p role="alert" className="-my-1 min-h-5 text-sm text-danger">
            {trouble}
          </p>
          <Button type="submit" tone="primary" disabled={busy} className="h-10">
            {busy && <LoaderCircle size={16} aria-hidden className="animate-spin" />}
            {busy ? "Signing in…" : "Sign in"}
          </Button>
        </form>
      </div>
    </main>
  );
}
