//! What each route shows and does.

use verse::event::Event;
use verse::ops::Phase;

use super::*;

#[test]
fn a_node_that_serves_is_alive_and_ready_and_says_where_it_listens() {
    managed("ready", science(), async |it| {
        let live = it.get("/live").await;
        assert_eq!((live.status, &live.body["live"]), (200, &Value::Bool(true)));
        let ready = it.get("/ready").await;
        assert_eq!(
            (ready.status, &ready.body["ready"], &ready.body["phase"]),
            (200, &true.into(), &"serving".into())
        );
        let listener = &ready.body["listeners"][0];
        let address = it.node.address("science").to_string();
        assert_eq!(listener, &serde_json::json!({ "service": "science", "address": address, "up": true }));
    });
}

#[test]
fn the_tree_shows_who_runs_where_and_the_operators_branch_first() {
    managed("tree", science(), async |it| {
        let tree = it.get("/tree").await.body["tree"].clone();
        let names: Vec<_> = tree["children"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        assert_eq!(names, ["ops", "poems"]);
        let listener = find(&tree, "poems/science/listener");
        let process = it.node.process("poems/science/listener");
        let expected = serde_json::json!({
            "name": "listener", "path": "poems/science/listener", "kind": "worker", "restart": "permanent",
            "pid": process.pid().to_string(), "state": "running", "restarts": 0, "last_reason": null,
            "mailbox": 0, "handled": 0, "children": [], "left_out": 0,
        });
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&listener[key], value, "{key}");
        }
        let ops = find(&tree, "ops")["pid"].as_str().unwrap().to_owned();
        let poems = find(&tree, "poems")["pid"].as_str().unwrap().to_owned();
        assert!((ops.len(), &ops) < (poems.len(), &poems), "started first: {ops} {poems}");
    });
}

#[test]
fn whoever_is_killed_by_path_or_pid_is_started_again_and_the_tree_tells() {
    managed("kill", science(), async |mut it| {
        let before = it.node.process("poems/science/source");
        let killed = it.post("/kill", r#"{"path":"poems/science/source"}"#).await;
        let expected = serde_json::json!({
            "path": "poems/science/source", "pid": before.pid().to_string(), "restart": "permanent", "ended": true,
        });
        assert_eq!((killed.status, killed.body), (200, expected));
        it.until("a restart in the tree", |tree| {
            let source = find(tree, "poems/science/source");
            (&source["restarts"], &source["last_reason"]) == (&1.into(), &"killed".into())
                && source["pid"] != before.pid().to_string()
        })
        .await;
        let pid = it.node.process("poems/science/source").pid().to_string();
        let bare = pid.trim_matches(['<', '>']);
        assert_eq!(it.post("/kill", &format!(r#"{{"pid":"{bare}"}}"#)).await.body["pid"], pid);
        it.until("the next", |tree| find(tree, "poems/science/source")["restarts"] == 2).await;
        let ordered = |event: &Event| event.to_string().contains(" says: kill poems/science/source <0.");
        assert_eq!(it.node.count(ordered), 2, "each order is an event");
        let mut client = TestClient::connect(it.node.address("science")).await;
        assert_eq!((client.read_to_end().await, &client.got[..]), (End::Clean, &it.node.text("science")[..]));
    });
}

#[test]
fn a_kill_of_nobody_is_refused_with_what_is_like_it() {
    managed("nobody", science(), async |it| {
        let cases = [
            (r#"{"path":"poems/science/sauce"}"#, "did you mean poems/science/source?"),
            (r#"{"path":"listener"}"#, "did you mean ops/admin/listener or poems/science/listener?"),
            (r#"{"path":"dragon"}"#, "no process dragon"),
            (r#"{"path":""}"#, "no process "),
            (r#"{"pid":"0.4711"}"#, "no process 0.4711"),
            (r#"{"pid":"x"}"#, "no process x"),
        ];
        for (order, line) in cases {
            let reply = it.post("/kill", order).await;
            assert_eq!(reply.status, 404, "{order}");
            assert!(reply.error().ends_with(line), "{order}: {}", reply.error());
        }
        let root = it.post("/kill", r#"{"path":"verse"}"#).await;
        assert_eq!(
            (root.status, root.error()),
            (409, "verse is the root, which nobody starts again; a drain ends the node")
        );
        let pid = it.node.node.tree().process.unwrap().pid();
        assert_eq!(it.post("/kill", &format!(r#"{{"pid":"{pid}"}}"#)).await.status, 409);
        for order in ["", "{}", r#"{"path":"a","pid":"0.1"}"#, r#"{"paht":"a"}"#, "[1]", "poems"] {
            let reply = it.post("/kill", order).await;
            assert_eq!(reply.status, 400, "{order}: {reply:?}");
        }
    });
}

#[test]
fn one_of_several_connections_is_killed_by_its_pid() {
    let slow = Setup::new().embedded("science", Pace::SLOW);
    managed("several", slow, async |it| {
        let mut clients = Vec::new();
        for _ in 0..2 {
            let mut client = TestClient::connect(it.node.address("science")).await;
            client.read_until(10).await;
            clients.push(client);
        }
        let [first, second] = &it.node.connections("science")[..] else { panic!("two are served") };
        let reply = it.post("/kill", r#"{"path":"poems/science/connections/connection"}"#).await;
        let line = format!(
            "poems/science/connections/connection are {}, {}; name one by its pid",
            first.pid(),
            second.pid()
        );
        assert_eq!((reply.status, reply.error()), (409, line.as_str()));
        let reply = it.post("/kill", &format!(r#"{{"pid":"{}"}}"#, first.pid())).await;
        assert_eq!((&reply.body["restart"], &reply.body["ended"]), (&"temporary".into(), &true.into()));
        assert_eq!(clients[0].read_to_end().await, End::Reset);
        assert!(second.is_alive());
    });
}

#[test]
fn a_node_that_drains_is_not_ready_and_can_be_watched_until_the_end() {
    let slow = Setup::new().embedded("science", Pace::SLOW);
    managed("drain", slow, async |it| {
        let mut client = TestClient::connect(it.node.address("science")).await;
        client.read_until(10).await;
        let asked = it.post("/drain", "").await;
        assert_eq!(
            asked,
            Reply { status: 202, body: serde_json::json!({ "phase": "drain-asked", "drain_seconds": 10.0 }) }
        );
        assert_eq!(it.get("/ready").await.status, 503, "from the moment on that it is asked to");
        within("the order", it.node.node.drain_asked()).await;
        let mut drain = Box::pin(it.node.node.drain());
        let watch = async {
            let ready = loop {
                let ready = it.get("/ready").await;
                if ready.body["phase"] == "draining" && ready.body["listeners"][0]["up"] == false {
                    break ready;
                }
            };
            assert_eq!((ready.status, &ready.body["ready"]), (503, &false.into()));
            assert_eq!(it.get("/live").await.status, 200, "it is alive");
            assert!(find(&it.get("/tree").await.body["tree"], "ops/admin/listener")["pid"].is_string());
        };
        tokio::select! {
            biased;
            _ = &mut drain => panic!("a poem is being sent"),
            () = watch => {}
        }
        it.node.advance(std::time::Duration::from_secs(10)).await;
        assert_eq!(within("the end", drain).await.cut, 1);
        assert_eq!(it.node.node.phase(), Phase::Ended);
        assert!(crate::harness::is_refused(it.at), "the admin port is the last to close");
    });
}

#[test]
fn the_admin_port_is_the_first_up_and_the_last_down() {
    managed("order", science(), async |mut it| {
        assert_eq!(it.node.node.drain().await.cut, 0);
        let history = it.node.history();
        let services = |up: bool| -> Vec<&str> {
            let told = history.iter().filter_map(|stamped| match &stamped.event {
                Event::ListenerUp { service, .. } if up => Some(&**service),
                Event::ListenerDown { service, .. } if !up => Some(&**service),
                _ => None,
            });
            told.collect()
        };
        assert_eq!((services(true), services(false)), (vec!["admin", "science"], vec!["science", "admin"]));
    });
}

#[test]
fn a_node_whose_listener_is_down_is_not_ready() {
    managed("down", science(), async |it| {
        let listener = it.node.process("poems/science/listener");
        let mut client = TestClient::connect(it.at).await;
        client.send(format!("GET /ready HTTP/1.1\r\nHost: {}\r\n\r\n", it.at).as_bytes()).await;
        listener.exit(supervisors::ExitReason::failed("a fault of the test"));
        within("its end", listener.exited()).await;
        // Started again by now, or not yet: in both cases the answer is that of the tree.
        let reply = {
            client.read_to_end().await;
            parse(&client.got)
        };
        assert_eq!(reply.status == 200, reply.body["listeners"][0]["up"] == true, "{reply:?}");
        it.until("it again", |tree| find(tree, "poems/science/listener")["restarts"] == 1).await;
        assert_eq!(it.get("/ready").await.status, 200);
    });
}

#[test]
fn the_port_survives_the_crash_of_each_of_its_processes() {
    managed("crash", science(), async |it| {
        for path in ["ops/admin/listener", "ops/admin/connections", "ops/admin", "ops"] {
            let (process, before) = (it.node.process(path), it.node.child(path).restarts);
            process.crash("a fault of the test");
            within("its end", process.exited()).await;
            // Who came in between waits in the backlog of the socket, which nobody has closed.
            it.until("a restart", |tree| find(tree, path)["restarts"] == before + 1).await;
        }
        assert_eq!(
            it.post("/kill", r#"{"path":"ops"}"#).await.body["ended"],
            false,
            "it answers, and ends with it"
        );
        it.until("a restart", |tree| find(tree, "ops")["restarts"] == 2).await;
    });
}

#[test]
fn a_route_that_is_none_and_a_method_that_is_wrong_say_what_there_is() {
    managed("none", science(), async |it| {
        let none = it.get("/").await;
        let routes = "/live, /ready, /tree, /cache, /kill, /drain, /cache/purge and /cache/refresh";
        assert_eq!((none.status, none.error()), (404, format!("there is no /; there are {routes}").as_str()));
        for path in ["/kill", "/drain", "/cache/purge", "/cache/refresh"] {
            let reply = it.get(path).await;
            assert_eq!((reply.status, reply.error()), (405, format!("{path} takes POST").as_str()));
        }
        for path in ["/live", "/ready", "/tree", "/cache"] {
            let reply = it.post(path, "").await;
            assert_eq!((reply.status, reply.error()), (405, format!("{path} takes GET").as_str()));
        }
    });
}
