//! nginx with a configuration of one's own: a proxy, TLS, rate limits, headers.

use std::collections::BTreeMap;
use std::fs;

use super::certificates::Identity;
use super::process::{Launch, Server, Stop, free_port, on_free_ports, program};
use super::scratch::Scratch;

/// What a server is to be like.
#[derive(Default)]
pub(crate) struct Builder {
    http: String,
    servers: Vec<String>,
    files: Vec<(String, String)>,
}

impl Builder {
    /// Directives of the `http` block: `limit_req_zone`, `map`, `upstream`.
    pub(crate) fn http(mut self, directives: &str) -> Self {
        self.http.push_str(directives);
        self.http.push('\n');
        self
    }

    /// The body of one `server` block.
    ///
    /// `{listen:NAME}` stands for a free address on 127.0.0.1 and `{port:NAME}` for its port, also
    /// when another block names it; `{dir}` for the folder of the certificates and files.
    pub(crate) fn server(mut self, body: &str) -> Self {
        self.servers.push(body.to_owned());
        self
    }

    /// A plain server on the port `main` that passes everything on, with more directives.
    pub(crate) fn proxy(self, origin: &str, directives: &str) -> Self {
        self.server(&format!(
            "listen {{listen:main}};\nlocation / {{ proxy_pass {origin}; {directives} }}"
        ))
    }

    /// A TLS server on the port `NAME` for an identity, with more directives or locations.
    pub(crate) fn tls(self, name: &str, identity: &Identity, directives: &str) -> Self {
        self.file(&format!("{name}.crt"), &identity.chain)
            .file(&format!("{name}.key"), &identity.key)
            .server(&format!(
                "listen {{listen:{name}}} ssl;\nssl_certificate {{dir}}/{name}.crt;\n\
                 ssl_certificate_key {{dir}}/{name}.key;\n{directives}"
            ))
    }

    /// A file in `{dir}`.
    pub(crate) fn file(mut self, name: &str, content: &str) -> Self {
        self.files.push((name.to_owned(), content.to_owned()));
        self
    }

    /// Starts the server.
    pub(crate) fn start(self) -> Nginx {
        let scratch = Scratch::new("nginx");
        for (name, content) in &self.files {
            scratch.write(name, content);
        }
        let (ports, server) = on_free_ports(|| {
            let (config, ports) = self.config_text(&scratch);
            scratch.write("nginx.conf", config);
            Server::start(launch(&scratch), &scratch).map(|server| (ports, server))
        });
        Nginx {
            server,
            scratch,
            ports,
        }
    }

    fn config_text(&self, scratch: &Scratch) -> (String, BTreeMap<String, u16>) {
        let servers: String = self
            .servers
            .iter()
            .map(|body| format!("server {{\n{body}\n}}\n"))
            .collect();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {{dir}}/{name};\n"))
            .concat();
        let config = format!(
            "daemon off;\npid {{dir}}/nginx.pid;\nworker_processes 1;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\nlog_format short '$status $request_method $request_uri';\n\
             access_log {{dir}}/access.log short;\n{temporary}{}{servers}}}\n",
            self.http,
        );
        let config = config.replace("{dir}", &scratch.path().display().to_string());
        fill_ports(&config)
    }
}

/// Replaces `{listen:NAME}` and `{port:NAME}`, with one free port for each name.
fn fill_ports(config: &str) -> (String, BTreeMap<String, u16>) {
    let mut ports = BTreeMap::new();
    let mut filled = String::new();
    for piece in config.split_inclusive('}') {
        let place = piece.rfind("{listen:").or_else(|| piece.rfind("{port:"));
        let Some((start, (kind, name))) = place
            .and_then(|start| Some((start, piece[start + 1..piece.len() - 1].split_once(':')?)))
        else {
            filled.push_str(piece);
            continue;
        };
        let port = *ports.entry(name.to_owned()).or_insert_with(free_port);
        let host = if kind == "listen" { "127.0.0.1:" } else { "" };
        filled.push_str(&format!("{}{host}{port}", &piece[..start]));
    }
    (filled, ports)
}

fn launch(scratch: &Scratch) -> Launch {
    let pid_file = scratch.join("nginx.pid");
    Launch {
        program: program("nginx"),
        args: [
            "-e".into(),
            "stderr".into(),
            "-p".into(),
            scratch.path().into(),
            "-c".into(),
        ]
        .into_iter()
        .chain([scratch.join("nginx.conf").into_os_string()])
        .collect(),
        // Ends the workers too.
        stop: Stop::Terminate,
        // Written when every address has been bound.
        ready: Box::new(move |pid, _| {
            fs::read_to_string(&pid_file).is_ok_and(|text| text.trim() == pid.to_string())
        }),
        own_user: false,
    }
}

/// A running server; stopped when dropped.
pub(crate) struct Nginx {
    server: Server,
    scratch: Scratch,
    ports: BTreeMap<String, u16>,
}

impl Nginx {
    /// Describes a server that listens nowhere yet.
    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    /// The process: to stop or restart it, or to read its error log.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The port that `{listen:NAME}` or `{port:NAME}` stood for.
    pub(crate) fn port(&self, name: &str) -> u16 {
        *self
            .ports
            .get(name)
            .unwrap_or_else(|| panic!("no {{listen:{name}}} in {:?}", self.ports))
    }

    /// The plain URL of a path on the port `main`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port("main"))
    }

    /// The TLS URL of a path, by the name in most certificates.
    pub(crate) fn tls_url(&self, port: &str, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port(port))
    }

    /// One `STATUS METHOD URI` for each request answered.
    pub(crate) fn accesses(&self) -> Vec<String> {
        let log = fs::read_to_string(self.scratch.join("access.log")).unwrap_or_default();
        log.lines().map(ToOwned::to_owned).collect()
    }
}
