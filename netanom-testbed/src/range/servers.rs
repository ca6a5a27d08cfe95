//! The servers of one capture: real ones, each with a configuration of its own in a temporary folder.
//!
//! Nobody's password is involved: log-ins are by a key made on the spot, or fail.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, bail};

use super::network::{Addresses, Network};
use crate::lab::stop::Stop;

/// Hosts of the servers' prefix. WEB has nginx and SSH; APPS Apache, which thinks before it answers; FILES FTP, rsync
/// and SSH; DEVICES DNS, MQTT, time and log; MEDIA what `people.py` serves; PROXY a web proxy and iperf3.
pub(super) const WEB: u64 = 10;
pub(super) const APPS: u64 = 11;
pub(super) const FILES: u64 = 12;
pub(super) const DEVICES: u64 = 13;
pub(super) const PROXY: u64 = 14;

const PATIENCE: u32 = 150;
const STEP: Duration = Duration::from_millis(100);

/// What everybody in a capture may use.
pub(super) struct Servers {
    /// Configurations, keys, word lists and logs.
    pub(super) folder: PathBuf,
    children: Vec<(&'static str, Child)>,
}

impl Servers {
    /// Writes the configurations and starts everything; returns when all ports are open.
    pub(super) fn start(
        network: &Network,
        addresses: &Addresses,
        folder: &Path,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let mut servers = Self {
            folder: folder.to_owned(),
            children: Vec::new(),
        };
        servers.write(addresses)?;
        let at = folder.display();
        let server = |host| addresses.server(host);
        let mut expected = Vec::new();
        let mut start = |name, script: String, ports: &[(u64, u16)]| {
            expected.extend(
                ports
                    .iter()
                    .map(|(host, port)| format!("{}:{port}", server(*host))),
            );
            servers.run(network, name, &script)
        };
        start(
            "nginx",
            format!("exec nginx -e {at}/nginx.err -c {at}/nginx.conf"),
            &[(WEB, 80)],
        )?;
        start(
            "apache2",
            format!("exec apache2 -X -f {at}/apache.conf -DFOREGROUND"),
            &[(APPS, 80)],
        )?;
        start(
            "sshd",
            format!("mkdir -p /run/sshd; exec /usr/sbin/sshd -D -e -f {at}/sshd.conf"),
            &[(WEB, 22), (FILES, 22)],
        )?;
        start(
            "vsftpd",
            format!("exec vsftpd {at}/vsftpd.conf"),
            &[(FILES, 21)],
        )?;
        start(
            "rsync",
            format!(
                "exec rsync --daemon --no-detach --address={} --config={at}/rsyncd.conf",
                server(FILES)
            ),
            &[(FILES, 873)],
        )?;
        start(
            "dnsmasq",
            format!("exec dnsmasq -k -C {at}/dnsmasq.conf"),
            &[(DEVICES, 53)],
        )?;
        start(
            "mosquitto",
            format!("exec mosquitto -c {at}/mosquitto.conf"),
            &[(DEVICES, 1883)],
        )?;
        start(
            "tinyproxy",
            format!("exec tinyproxy -d -c {at}/tinyproxy.conf"),
            &[(PROXY, 8888)],
        )?;
        start(
            "iperf3",
            format!("exec iperf3 -s -B {}", server(PROXY)),
            &[(PROXY, 5201)],
        )?;
        start(
            "people.py",
            format!("exec python3 {at}/people.py serve {}", addresses.servers),
            &[(15, 143), (15, 5222)],
        )?;
        servers.wait(network, &expected, stop)?;
        Ok(servers)
    }

    fn run(&mut self, network: &Network, name: &'static str, script: &str) -> anyhow::Result<()> {
        let log = self.folder.join(format!("{name}.log"));
        let log =
            File::create(&log).with_context(|| format!("cannot write `{}`", log.display()))?;
        let child = network
            .inside("servers")
            .args(["sh", "-c", script])
            .env("PATH", super::PATH)
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        self.children.push((name, child));
        Ok(())
    }

    fn wait(&mut self, network: &Network, expected: &[String], stop: &Stop) -> anyhow::Result<()> {
        let mut missing = Vec::new();
        for _ in 0..PATIENCE {
            let output = network.inside("servers").args(["ss", "-Hltn"]).output()?;
            let open = String::from_utf8_lossy(&output.stdout).into_owned();
            let open: Vec<&str> = open.split_whitespace().collect();
            missing = expected
                .iter()
                .filter(|port| !open.contains(&port.as_str()))
                .collect();
            if missing.is_empty() {
                return Ok(());
            }
            stop.sleep(STEP)?;
        }
        let mut said = String::new();
        for (name, child) in &mut self.children {
            if matches!(child.try_wait(), Ok(Some(_))) {
                let log = fs::read_to_string(self.folder.join(format!("{name}.log")));
                said += &format!("\n{name} ended: {}", log.unwrap_or_default().trim());
            }
        }
        bail!("nothing listens at {missing:?}{said}")
    }

    #[rustfmt::skip]
    fn write(&self, addresses: &Addresses) -> anyhow::Result<()> {
        let at = self.folder.display();
        let server = |host| addresses.server(host);
        let (web, apps, files, devices, proxy) = (server(WEB), server(APPS), server(FILES), server(DEVICES), server(PROXY));
        self.file("people.py", include_str!("people.py"))?;
        self.content()?;
        self.file("nginx.conf", &format!(
            "daemon off; user root; pid {at}/nginx.pid; worker_processes 1; events {{ worker_connections 4096; }}\n\
             http {{ access_log off; client_body_temp_path {at}/n1; proxy_temp_path {at}/n2; fastcgi_temp_path {at}/n3;\n\
             uwsgi_temp_path {at}/n4; scgi_temp_path {at}/n5; keepalive_timeout 20;\n\
             server {{ listen {web}:80 backlog=1024; root {at}/www; location /slow/ {{ alias {at}/www/; limit_rate 300k; }}\n\
             location /api {{ return 200 '{{\"state\":\"ok\"}}'; }} }} }}\n"))?;
        self.file("apache.conf", &format!(
            "ServerRoot {at}\nServerName apps\nPidFile {at}/apache.pid\nListen {apps}:80\nErrorLog {at}/apache.err\nUser www-data\nGroup www-data\n\
             LoadModule mpm_event_module {m}/mod_mpm_event.so\nLoadModule authz_core_module {m}/mod_authz_core.so\n\
             LoadModule authn_core_module {m}/mod_authn_core.so\nLoadModule authn_file_module {m}/mod_authn_file.so\n\
             LoadModule authz_user_module {m}/mod_authz_user.so\nLoadModule auth_basic_module {m}/mod_auth_basic.so\n\
             LoadModule cgid_module {m}/mod_cgid.so\nLoadModule alias_module {m}/mod_alias.so\nScriptSock {at}/cgi.sock\n\
             DocumentRoot {at}/www\nTimeout 60\nKeepAliveTimeout 5\nStartServers 2\nServerLimit 4\nThreadsPerChild 64\nMaxRequestWorkers 256\n\
             ScriptAlias /run/ {at}/cgi/\n<Directory {at}/www>\nRequire all granted\n</Directory>\n\
             <Directory {at}/cgi>\nRequire all granted\n</Directory>\n\
             <Location /private>\nAuthType Basic\nAuthName private\nAuthUserFile {at}/nobody\nRequire valid-user\n</Location>\n",
            m = "/usr/lib/apache2/modules"))?;
        self.file("nobody", "")?;
        self.program("cgi/think", "#!/bin/sh\nsleep 0.$((($$ * 7 + 1) % 9))\nprintf 'Content-Type: text/plain\\n\\ndone\\n'\n")?;
        self.program("cgi/login", "#!/bin/sh\ncat > /dev/null\nprintf 'Content-Type: text/html\\n\\n<p>wrong password</p>\\n'\n")?;
        let (key, host_key) = (self.folder.join("key"), self.folder.join("host_key"));
        for file in [&key, &host_key] {
            let output = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).output()
                .context("cannot run ssh-keygen")?;
            anyhow::ensure!(output.status.success(), "ssh-keygen failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        self.file("sshd.conf", &format!(
            "ListenAddress {web}\nListenAddress {files}\nHostKey {at}/host_key\nPidFile {at}/sshd.pid\nUsePAM no\n\
             AuthorizedKeysFile {at}/key.pub\nStrictModes no\nPermitRootLogin prohibit-password\nMaxStartups 100:30:200\n\
             MaxAuthTries 6\nPrintMotd no\nUseDNS no\nSubsystem sftp internal-sftp\n"))?;
        // Its answer to several failed log-ins is a refusal, which the range has to see through.
        if self.sshd_takes("PerSourcePenalties no")? {
            let file = self.folder.join("sshd.conf");
            let text = fs::read_to_string(&file)? + "PerSourcePenalties no\n";
            self.file("sshd.conf", &text)?;
        }
        self.file("vsftpd.conf", &format!(
            "listen=YES\nlisten_address={files}\nbackground=NO\nanonymous_enable=YES\nlocal_enable=YES\nanon_root={at}/www\n\
             secure_chroot_dir={at}/empty\nseccomp_sandbox=NO\nxferlog_enable=NO\nno_anon_password=YES\nrun_as_launching_user=NO\nmax_per_ip=0\n"))?;
        fs::create_dir_all(self.folder.join("empty"))?;
        fs::create_dir_all(self.folder.join("backup"))?;
        self.file("rsyncd.conf", &format!("use chroot = no\nuid = 0\ngid = 0\npid file = {at}/rsyncd.pid\n[files]\npath = {at}/www\n[backup]\npath = {at}/backup\nread only = no\n"))?;
        self.file("dnsmasq.conf", &format!(
            "no-resolv\nno-hosts\nlisten-address={devices}\nbind-interfaces\nuser=root\npid-file={at}/dnsmasq.pid\naddress=/example/{web}\n\
             local=/test/\nlocal-ttl=1\n"))?;
        self.file("mosquitto.conf", &format!("listener 1883 {devices}\nallow_anonymous true\n"))?;
        self.file("tinyproxy.conf", &format!("Port 8888\nListen {proxy}\nTimeout 60\nMaxClients 200\nLogLevel Error\n"))?;
        Ok(())
    }

    fn sshd_takes(&self, line: &str) -> anyhow::Result<bool> {
        let config = self.folder.join("sshd.conf");
        let test = self.folder.join("sshd-test.conf");
        fs::write(&test, fs::read_to_string(&config)? + line + "\n")?;
        fs::create_dir_all("/run/sshd").context("cannot make /run/sshd, which sshd asks for")?;
        let mut sshd = Command::new("/usr/sbin/sshd");
        let output = sshd
            .arg("-t")
            .arg("-f")
            .arg(&test)
            .output()
            .context("cannot run sshd")?;
        Ok(output.status.success())
    }

    /// Pages, things on pages, segments of a film, and downloads. What is in them does not matter: nothing looks.
    fn content(&self) -> anyhow::Result<()> {
        let www = self.folder.join("www");
        fs::create_dir_all(&www)?;
        fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o755))?;
        let sized = |name: String, size: u64| -> anyhow::Result<()> {
            File::create(www.join(&name))?.set_len(size)?;
            Ok(())
        };
        for number in 0..60_u64 {
            sized(format!("page{number}"), 1500 + number * number * 37)?;
            sized(format!("thing{number}"), 200 + number * number * 23)?;
        }
        for number in 0..8 {
            sized(format!("segment{number}"), 150_000 + number * 110_000)?;
        }
        sized("download".to_owned(), 6_000_000)?;
        sized("index.html".to_owned(), 4000)
    }

    fn file(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let file = self.folder.join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&file, text).with_context(|| format!("cannot write `{}`", file.display()))
    }

    fn program(&self, name: &str, text: &str) -> anyhow::Result<()> {
        self.file(name, text)?;
        fs::set_permissions(self.folder.join(name), fs::Permissions::from_mode(0o755))?;
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (_, child) in &mut self.children {
            // The network's end ends all that they started.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
