// class: import censor of SES (CVE-2023-39532)
// tries: to part import from its parenthesis so that a pattern does not see it
// canary: the secret in the parent's environment
// expected: refused import and export
// control: eval, fires secret

exports.attack = async (file, name) => (await import/* ( */
// (
('node:process')).default.env[name]
