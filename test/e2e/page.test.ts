// The daemon's page in a real browser: in light, in dark and on a telephone, with a host that writes what could hurt.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { openStage, type Stage } from '../programs.ts'
import { need } from './kit.ts'
import { LIE_SEQ, mailsOf, openScene } from './scene.ts'

// What the browser has, for the one function that runs there.
declare const document: any
declare function getComputedStyle(element: unknown): { backgroundColor: string }

const WAIT_MS_MAX = 90_000
const BROWSER_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]
/** Markup that would be seen, a script that would be noticed, and a mark that turns the reading direction. */
const HOSTILE = `<script>document.title='taken'</script><b id="taken">&lt;</b>\u202e"'><img src=x onerror=alert(1)>`
const SHOWN = plain(HOSTILE)
/** What the contract gives for it, as an alert tells it. */
const EXPECTED = plain(`result ${JSON.stringify(HOSTILE)}`)
const TITLE_CHARS_SHOWN = 79
/** Where a person may look at what the browser showed. */
const SCREENSHOTS = process.env.SCREENSHOTS

const WIDE = { width: 1280, height: 900 }
const NARROW = { width: 380, height: 800 }
const VIEWS: Record<string, BrowserContextOptions> = {
  light: { viewport: WIDE, colorScheme: 'light' },
  dark: { viewport: WIDE, colorScheme: 'dark' },
  'narrow light': { viewport: NARROW, colorScheme: 'light' },
  'narrow dark': { viewport: NARROW, colorScheme: 'dark' }
}

test('a browser shows the alarm, keeps still and obeys no host', async t => {
  const path = need('chromium')
  const stage = await openStage(t)
  const { honest, liar, mailbox, daemon } = await openScene(stage, {
    honest: 'Garden party',
    liar: HOSTILE
  })
  const browser = await openBrowser(stage, path)
  for (let seq = 1; seq < LIE_SEQ; seq++) {
    await honest.note('honest')
    await liar.note('honest')
  }
  for (const { ledger } of [honest, liar])
    await daemon.until(ledger, ({ seq }) => seq === LIE_SEQ - 1)

  await t.test('a page that is open turns from ok to tampered by itself', async () => {
    const { page, seen } = await open(browser, daemon.http)
    await page.getByText('Every call checked so far').waitFor()
    await liar.note(HOSTILE)
    await page.getByText('The host of liar has tampered').waitFor()
    checkSeen(seen, daemon.http)
    await page.context().close()
  })

  await mailsOf(mailbox, 1)
  for (const [name, view] of Object.entries(VIEWS)) {
    await t.test(
      `${name}: banner, names and the alert are there, and nothing sticks out`,
      async () => {
        const { page, seen } = await openStill(browser, daemon.http, view)
        await shoot(page, name)
        const found = await page.evaluate(look)
        assert.equal(found.banner, 'The host of liar has tampered with what the ledger records.')
        assert.deepEqual(found.names, ['liar', 'honest'])
        assert.deepEqual(found.verdicts, ['tampered', 'ok'])
        assert.match(found.text, /outcome-mismatch on liar, entry 2/)
        assert.match(found.text, /“Garden party”/)
        assert.equal(found.scrollWidth, found.width, 'it scrolls sideways')
        assert.deepEqual(found.cut, [], 'a part of it scrolls sideways')
        assert.equal(isDark(found.background), view.colorScheme === 'dark')
        checkSeen(seen, daemon.http)
        await page.context().close()
      }
    )
  }

  await t.test('what a host wrote is shown as text', async () => {
    const { page, seen } = await openStill(browser, daemon.http, VIEWS.light!)
    const found = await page.evaluate(look)
    assert.ok(found.text.includes(`“${SHOWN.slice(0, TITLE_CHARS_SHOWN)}…”`), found.text)
    assert.ok(found.text.includes(EXPECTED), found.text)
    assert.doesNotMatch(found.text, /\p{Bidi_Control}/u)
    assert.deepEqual(found.foreign, [])
    assert.match(await page.title(), /^\(1\) TAMPERED · vms-watch$/)
    checkSeen(seen, daemon.http)
    await page.context().close()
  })

  await t.test('the kind of the alert leads to what it means', async () => {
    const { page, seen } = await openStill(browser, daemon.http, VIEWS['narrow light']!)
    await page.getByRole('link', { name: 'outcome-mismatch' }).click()
    await page.waitForURL('**/runbook#outcome-mismatch')
    await shoot(page, 'runbook')
    assert.equal(await page.locator('h2:target').textContent(), 'outcome-mismatch')
    const found = await page.evaluate(look)
    assert.equal(found.scrollWidth, found.width, 'it scrolls sideways')
    checkSeen(seen, daemon.http)
    await page.context().close()
  })
})

async function openBrowser(stage: Stage, executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath,
    args: BROWSER_FLAGS,
    timeout: WAIT_MS_MAX,
    env: { ...process.env, HOME: stage.dir }
  })
  stage.onEnd(() => browser.close())
  return browser
}

/** What a page asked for and complained of. */
interface Seen {
  requests: string[]
  complaints: string[]
}

interface Opened {
  page: Page
  seen: Seen
}

async function open(browser: Browser, url: string): Promise<Opened> {
  const opened = await openBlank(browser, {})
  await opened.page.goto(url)
  return opened
}

/** As it is now: it asks for itself again and is told that there is nothing new, so that nothing changes under a test. */
async function openStill(
  browser: Browser,
  url: string,
  view: BrowserContextOptions
): Promise<Opened> {
  const opened = await openBlank(browser, view)
  let count = 0
  await opened.page.route(`${url}/`, route =>
    count++ === 0 ? route.continue() : route.fulfill({ status: 204 })
  )
  await opened.page.goto(url)
  return opened
}

async function openBlank(browser: Browser, view: BrowserContextOptions): Promise<Opened> {
  const page = await (await browser.newContext(view)).newPage()
  page.setDefaultTimeout(WAIT_MS_MAX)
  const seen: Seen = { requests: [], complaints: [] }
  page.on('request', request => seen.requests.push(request.url()))
  page.on('console', message => seen.complaints.push(message.text()))
  page.on('pageerror', error => seen.complaints.push(String(error)))
  page.on('dialog', dialog => {
    seen.complaints.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  return { page, seen }
}

function checkSeen({ requests, complaints }: Seen, http: string): void {
  assert.deepEqual(complaints, [])
  const known = new Set([`${http}/`, `${http}/runbook`, `${http}/runbook#outcome-mismatch`])
  assert.deepEqual(
    requests.filter(url => !known.has(url)),
    []
  )
}

/** Runs in the page. */
function look() {
  const texts = (selector: string) =>
    [...document.querySelectorAll(selector)].map((one): string => one.textContent)
  const cards: any[] = [...document.querySelectorAll('.card')]
  return {
    banner: texts('.banner').join(),
    names: texts('.ledgers th > a'),
    verdicts: texts('.ledgers td:nth-child(2) .badge'),
    text: document.body.innerText as string,
    width: document.documentElement.clientWidth,
    scrollWidth: document.documentElement.scrollWidth,
    cut: cards.filter(one => one.scrollWidth > one.clientWidth).map(one => one.className),
    background: getComputedStyle(document.body).backgroundColor,
    foreign: texts('script, img, b, iframe, #taken')
  }
}

function plain(text: string): string {
  return text.replace('\u202e', '\\u{202e}')
}

/** Of `rgb(18, 22, 27)`. */
function isDark(color: string): boolean {
  const parts = color.match(/\d+/g)!.map(Number)
  return parts.every(part => part < 128)
}

async function shoot(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({
    path: join(SCREENSHOTS, `${name.replace(' ', '-')}.png`),
    fullPage: true
  })
}
