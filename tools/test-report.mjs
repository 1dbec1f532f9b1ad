// Reads the output of `go test -json` and prints one line a package, the whole output of what failed, and a closing count.
import { readFileSync } from 'node:fs'

const events = readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean).flatMap((line) => {
  try {
    return [JSON.parse(line)]
  } catch {
    return [{ Action: 'output', Package: '', Output: line + '\n' }]
  }
})

const counts = { pass: 0, fail: 0, skip: 0 }
const output = new Map()
const failed = []
for (const { Action, Package, ImportPath, Test, Output, Elapsed } of events) {
  const key = `${Package ?? ImportPath ?? ''} ${Test ?? ''}`
  if (Output) output.set(key, (output.get(key) ?? '') + Output)
  if (!(Action in counts)) continue
  if (Test) counts[Action]++
  else console.log(`${Action.padEnd(5)} ${Package} ${Elapsed}s`)
  if (Action === 'fail') failed.push(key)
  if (Action === 'skip' && Test) console.log(`skip  ${key}: ${(output.get(key) ?? '').trim().split('\n').at(-2)?.trim()}`)
}
for (const key of output.keys()) {
  if (!events.some((e) => e.Package) || key === ' ') process.stdout.write(output.get(key))
}
for (const key of failed) {
  console.log(`\n--- ${key}\n${output.get(key) ?? ''}`)
}
const built = events.filter((e) => e.Action === 'build-output').map((e) => e.Output).join('')
if (built) process.stdout.write(built)
console.log(`${counts.pass} passed, ${counts.fail} failed, ${counts.skip} skipped`)
process.exit(counts.fail > 0 || counts.pass === 0 || failed.length > 0 ? 1 : 0)
