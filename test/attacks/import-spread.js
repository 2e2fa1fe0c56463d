// class: import censor of SES (CVE-2023-39532)
// tries: to hide import behind a spread
// canary: the secret in the parent's environment
// expected: refused import and export
// control: eval, fires secret

exports.attack = async (file, name) => (await [...[import('node:process')]][0]).default.env[name]
