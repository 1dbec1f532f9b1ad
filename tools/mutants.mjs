// Breaks the code on purpose, one mutant at a time, and shows that a test notices. `make mutants` calls it.
//
// Each mutant is a mistake that somebody could make in good faith. It is applied to a copy of the last commit in a temporary directory,
// never to the work tree, and the smallest test that must fail is run there. Before that the same tests run on the copy as it is, since a
// test that fails anyway catches nothing.
//
//   MUTANTS=breaker   only mutants whose name contains the text
//   --fits            only look whether each still fits the work tree, in a moment: every text that it replaces is there exactly once, and so is its
//                     test. `make test` does; whether a mutant compiles and is caught, only a whole run tells.
//
// Ends with exit code 1 when a mutant survives, does not compile, or no longer fits the code, and when its run ends without the failure of its test.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const mutants = [
  {
    name: 'acknowledge before the commit',
    test: ['internal/inbox', 'TestNothingIsAcknowledgedFromMemory'],
    edits: [['internal/inbox/ingest_lane.go', 'case err := <-s.done:\n\t\treturn err\n', 'default:\n\t\treturn nil\n']],
  },
  {
    name: 'messages without their unique key',
    test: ['db', 'TestPromisesRestOnKeys'],
    edits: [['migrations/0004_conversations.sql', 'CREATE UNIQUE INDEX messages_external_id_key', 'CREATE INDEX messages_external_id_key']],
  },
  {
    name: 'ring for a lane inside the transaction',
    test: ['internal/outbound', 'TestTheBellRingsAfterTheCommit'],
    edits: [
      ['internal/outbound/queue.go', '\t\tif result.message != nil {\n', '\t\to.cfg.Bells.Ring(ctx, actor.Tenant(), result.AccountID)\n\t\tif result.message != nil {\n'],
      ['internal/outbound/queue.go', '\to.cfg.Bells.Ring(ctx, actor.Tenant(), result.AccountID)\n\treturn message, nil\n', '\treturn message, nil\n'],
    ],
  },
  {
    name: 'number events outside the transaction, as a sequence does',
    test: ['internal/live', 'TestResumingClientsMissNothingAndSeeNothingTwice'],
    edits: [
      ['db/tenant.go', '\tevents []inbox.Event\n', '\tevents []inbox.Event\n\tpool   *pgxpool.Pool\n'],
      ['db/tenant.go', '\t\ttx := &Tx{tenant: tenant.UUID()}\n\t\terr := d.within', '\t\ttx := &Tx{tenant: tenant.UUID(), pool: d.pool}\n\t\terr := d.within'],
      ['db/tenant.go', '\t\tqueueEvents(batch,', `\t\tother, err := tx.pool.Begin(ctx)
\t\tif err != nil {
\t\t\treturn 0, err
\t\t}
\t\tif _, err = other.Exec(ctx, "SELECT set_config('app.tenant_id', $1, true)", tx.tenant.String()); err == nil {
\t\t\terr = other.QueryRow(ctx, "UPDATE tenant_heads SET seq = seq + $2 WHERE tenant_id = $1 RETURNING seq", tx.tenant, len(tx.events)).Scan(&seq)
\t\t}
\t\tif err == nil {
\t\t\terr = other.Commit(ctx)
\t\t}
\t\tif err != nil {
\t\t\treturn 0, err
\t\t}
\t\tqueueEvents(batch,`],
      ['db/event.go', 'WITH head AS (" + takeNumbers + ")', 'WITH head AS (SELECT " + fmt.Sprint(*seq) + "::bigint + 0 * $2::bigint AS seq)'],
      ['db/event.go', '\t"context"\n', '\t"context"\n\t"fmt"\n'],
      ['db/event.go', '\nconst takeNumbers', '\nconst _'],
    ],
  },
  {
    name: 'write a result without its fence',
    test: ['internal/outbound', 'TestLateFailureOfAnOldAttemptMovesNothing'],
    edits: [
      ['internal/outbound/settle.go', 'return there && d.Attempt == g.attempt && (g.state == "" || d.State == g.state)', '_ = d\n\treturn there'],
      ['db/internal/gen/dispatches.sql.go', 'd.message_id = u.message_id AND d.attempt = u.attempt', 'd.message_id = u.message_id'],
    ],
  },
  {
    name: 'row security that does not bind the owner',
    test: ['db', 'TestEveryTableIsFenced'],
    edits: [['migrations/0001_foundation.sql', "  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);\n", '']],
  },
  {
    name: 'a policy that lets everybody read',
    test: ['db', 'TestRowsAreFenced'],
    edits: [['migrations/0001_foundation.sql', "USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))", 'USING (true)']],
  },
  {
    name: 'a statement without its tenant',
    test: ['db', 'TestEveryStatementNamesItsTenant'],
    edits: [['queries/messages.sql', 'WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE', 'WHERE id = ANY (@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE']],
  },
  {
    name: 'verify the signature over JSON that was written again',
    test: ['internal/channel/meta', 'TestRecordedCorpus|TestConformance|TestRawKeepsBytes'],
    edits: [
      ['internal/channel/meta/receive.go', '\t"encoding/hex"\n', '\t"encoding/hex"\n\t"encoding/json"\n'],
      ['internal/channel/meta/receive.go', '\tif genuine := endpoint.VerifySHA256(request.Body, signature)', `\tvar again any
\twritten := request.Body
\tif json.Unmarshal(written, &again) == nil {
\t\twritten, _ = json.Marshal(again)
\t}
\tif genuine := endpoint.VerifySHA256(written, signature)`],
    ],
  },
  {
    name: 'a parser without a limit of tokens',
    test: ['graph', 'TestNoBodyCostsMuch'],
    edits: [['graph/handler.go', '\texec.SetParserTokenLimit(maxTokens)\n', '']],
  },
  {
    name: 'a timer that does not know which snooze it belongs to',
    test: ['internal/inbox', 'TestOldTimerLeavesANewSnoozeAlone'],
    edits: [['internal/inbox/snooze.go', 'c.Status != StatusSnoozed || c.SnoozeGen != gen', 'c.Status != StatusSnoozed']],
  },
  {
    name: 'a breaker that only one process knows',
    test: ['internal/outbound', 'TestBreaker$'],
    edits: [['internal/outbound/record.go', '\t\tf = foldResults(breaker, group)\n', '\t\tbreaker.Failures, breaker.OpenedAt = 0, nil\n\t\tf = foldResults(breaker, group)\n']],
  },
  {
    name: 'receipts that are acknowledged and dropped',
    test: ['internal/outbound', 'TestReceiptsKnowNoOrder'],
    edits: [['internal/outbound/receipt.go', '\t\tif f.call == nil {\n\t\t\tcontinue', '\t\tif f.call == nil || f.Status == channel.StatusDelivered || f.Status == channel.StatusRead {\n\t\t\tcontinue']],
  },
  {
    name: 'every message to one stranger, with another text',
    test: ['internal/outbound', 'TestSendCallsTheProviderAfterTheAttemptIsCommitted'],
    edits: [
      ['internal/outbound/call.go', '\t\tm.To.Phone = d.Recipient\n', '\t\tm.To.Phone = "+447700999999"\n'],
      ['internal/outbound/call.go', '\t\tm.Text = d.Text\n', '\t\tm.Text = "something else"\n'],
    ],
  },
  {
    name: 'no event for a message that goes out',
    test: ['internal/inbox', 'TestAppendNumbersMessagesOfManyConversations'],
    edits: [['internal/inbox/append.go', '\t\tevents = append(events, messageEvent(EventMessageCreated, actor, before, c, e.Message, now))\n', `\t\tif e.Message.Direction != Outbound {
\t\t\tevents = append(events, messageEvent(EventMessageCreated, actor, before, c, e.Message, now))
\t\t}
`]],
  },
  {
    name: 'a status that changes and tells nobody',
    test: ['internal/outbound', 'TestReceiptsKnowNoOrder'],
    edits: [['internal/outbound/status.go', '\t\ttx.Record(statusEvent(system, m, d, now))\n', '\t\tif d.Status != inbox.MessageRead {\n\t\t\ttx.Record(statusEvent(system, m, d, now))\n\t\t}\n']],
  },
  {
    name: 'an oracle that takes one status for another',
    test: ['internal/chaos', 'TestOracleSeesEachDifference'],
    edits: [['internal/chaos/oracle_calls_test.go', 'if m.Status != further {', 'if false {']],
  },
  {
    name: 'an oracle that does not read what was sent to whom',
    test: ['internal/chaos', 'TestOracleSeesEachDifference'],
    edits: [['internal/chaos/oracle_calls_test.go', 'if c.To != asked.Phone || c.Text != says {', 'if false && c.Text != says {']],
  },
  {
    name: 'a check of statuses that reads no events',
    test: ['db', 'TestVerifyFindsEachViolation'],
    edits: [['db/verify.sql', "AND e.kind IN ('MESSAGE_CREATED', 'MESSAGE_STATUS_CHANGED')) chain", 'AND false) chain']],
  },
  {
    name: 'idempotency keys in the memory of a process',
    test: ['internal/inbox', 'TestOnceRunsAKeyOnce'],
    edits: [
      ['internal/inbox/once.go', '\tkept, err := tx.TakeKey(ctx, actor.ID(), call.Key, call.Operation, hash)\n', `\tvar kept *KeptCall
\tname := actor.Tenant().String() + actor.ID().String() + call.Key
\tif known, ok := remembered.Load(name); ok {
\t\tkept = known.(*KeptCall)
\t}
`],
      ['internal/inbox/once.go', '\treturn result, tx.KeepResult(ctx, actor.ID(), call.Key, encoded)\n', `\tremembered.Store(name, &KeptCall{Operation: call.Operation, RequestHash: hash, Result: encoded})
\treturn result, nil
`],
      ['internal/inbox/once.go', 'func recall[T any]', 'var remembered sync.Map\n\nfunc recall[T any]'],
      ['internal/inbox/once.go', '\t"encoding/json"\n', '\t"encoding/json"\n\t"sync"\n'],
    ],
  },
]

const wanted = mutants.filter((m) => m.name.includes(process.env.MUTANTS ?? ''))
if (wanted.length === 0) {
  console.error(`no mutant is called ${process.env.MUTANTS}`)
  process.exit(1)
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

// apply returns what the files of a mutant hold with its edits, and the first edit that does not fit.
function apply(dir, edits) {
  const texts = new Map()
  for (const [file, from, to] of edits) {
    if (!texts.has(file) && !existsSync(join(dir, file))) return { misfit: `there is no ${file}` }
    const text = texts.get(file) ?? readFileSync(join(dir, file), 'utf8')
    const times = text.split(from).length - 1
    if (times !== 1) return { misfit: `${file} holds ${times} times the text ${JSON.stringify(from)}` }
    texts.set(file, text.replace(from, () => to))
  }
  return { texts }
}

// missing returns the first test of a mutant that its package does not have.
function missing(dir, [pkg, pattern]) {
  const files = existsSync(join(dir, pkg)) ? readdirSync(join(dir, pkg)).filter((name) => name.endsWith('_test.go')) : []
  const tests = files.flatMap((name) => [...readFileSync(join(dir, pkg, name), 'utf8').matchAll(/^func (Test\w+)\(/gm)].map((m) => m[1]))
  const none = pattern.split('|').find((one) => !tests.some((name) => new RegExp(`^(${one})`).test(name)))
  return none && `${pkg} has no test ${none}`
}

if (process.argv.includes('--fits')) {
  const misfits = wanted.flatMap(({ name, test, edits }) => {
    const why = apply(root, edits).misfit ?? missing(root, test)
    return why ? [`the mutant "${name}" does not fit: ${why}`] : []
  })
  for (const line of misfits) console.error(line)
  console.log(`${wanted.length - misfits.length} of ${wanted.length} mutants fit`)
  process.exit(misfits.length === 0 ? 0 : 1)
}

const copy = mkdtempSync(join(tmpdir(), 'switchboard-mutants-'))
process.on('exit', () => rmSync(copy, { recursive: true, force: true }))
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))
const archive = execFileSync('git', ['archive', 'HEAD'], { cwd: root, maxBuffer: 1 << 30 })
execFileSync('tar', ['-x', '-C', copy], { input: archive })

// run returns whether the tests passed, whether one of them failed, whether they compiled, and what they printed. Whatever else ends a run, such as a
// full disk or a server that does not start, is neither.
function run(pkg, pattern) {
  const test = ['test', '-count=1', '-timeout=5m', '-run', `^(${pattern})`, `./${pkg}`]
  const done = spawnSync('go', test, { cwd: copy, encoding: 'utf8', maxBuffer: 1 << 30 })
  const output = `${done.stdout ?? ''}${done.stderr ?? ''}${done.error ?? ''}`
  const failures = [...output.matchAll(/^--- FAIL: (\w+)/gm)].map((m) => m[1])
  const built = !/\[(build|setup) failed\]|^# /m.test(output)
  return {
    passed: done.status === 0 && !output.includes('[no tests to run]'),
    failed: failures.some((name) => new RegExp(`^(${pattern})`).test(name)),
    built,
    output,
  }
}

const packages = new Map()
for (const { test: [pkg, pattern] } of wanted) packages.set(pkg, [...(packages.get(pkg) ?? []), pattern])
for (const [pkg, patterns] of packages) {
  const whole = run(pkg, patterns.join('|'))
  if (!whole.passed) {
    console.error(`the tests of ${pkg} fail without any mutant:\n${whole.output}`)
    process.exit(1)
  }
}

let survivors = 0
for (const { name, test: [pkg, pattern], edits } of wanted) {
  const began = Date.now()
  const { texts, misfit } = apply(copy, edits)
  let outcome = `DOES NOT FIT: ${misfit}`
  if (!misfit) {
    const before = new Map([...texts.keys()].map((file) => [file, readFileSync(join(copy, file))]))
    for (const [file, text] of texts) writeFileSync(join(copy, file), text)
    const mutated = run(pkg, pattern)
    if (!mutated.built) outcome = `DOES NOT COMPILE\n${mutated.output}`
    else if (mutated.passed) outcome = 'SURVIVED'
    else outcome = mutated.failed ? 'caught' : `NO ANSWER\n${mutated.output}`
    for (const [file, text] of before) writeFileSync(join(copy, file), text)
  }
  if (outcome !== 'caught') survivors++
  console.log(`${outcome.padEnd(9)} ${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${name}  (${pkg}: ${pattern})`)
}
console.log(`${wanted.length - survivors} of ${wanted.length} mutants were caught`)
process.exit(survivors === 0 ? 0 : 1)
