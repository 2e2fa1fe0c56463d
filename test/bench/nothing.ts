// A program that does nothing until it is stopped: what Node itself costs.

process.stdout.write('{}\n')
setInterval(() => undefined, 60_000)
