Case {
    root: Sup {
        id: "root".to_owned(),
        form: Form::Static(Strategy::RestForOne),
        intensity: 2,
        period: 1,
        auto: AutoShutdown::Never,
        children: vec![
            Kid {
                restart: Restart::Transient,
                significant: false,
                shutdown: Stop::Brutal,
                what: What::Worker(Job {
                    id: "a".to_owned(),
                    behaviour: Behaviour::Plain,
                    starts: vec![],
                    named: false,
                }),
            },
            Kid {
                restart: Restart::Transient,
                significant: false,
                shutdown: Stop::Brutal,
                what: What::Worker(Job {
                    id: "c".to_owned(),
                    behaviour: Behaviour::Plain,
                    starts: vec![Start::Ok, Start::Raises],
                    named: false,
                }),
            },
        ],
    },
    script: vec![
        Step::Burst("root".to_owned(), vec![("a".to_owned(), Reason::Boom)], vec![]),
    ],
}
