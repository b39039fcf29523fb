# What Perl programs on DBI and DBD::Pg do: statements, the catalog methods, cursors, COPY, asynchronous queries.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:pg_types :async);
use Data::Dumper;
$| = 1;
binmode STDOUT, ':utf8';
$Data::Dumper::Indent = 0;
$Data::Dumper::Terse = 1;
$Data::Dumper::Sortkeys = 1;
my $gateway = $ENV{C2D_SERVER} eq 'gateway';

sub open_db { DBI->connect('dbi:Pg:' . ($_[0] // ''), '', $_[1] // '', { RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_enable_utf8 => 1 }) }
sub line { my $t = shift // 'undef'; $t =~ s/\\/\\\\/g; $t =~ s/\n/\\n/g; $t =~ s/\t/\\t/g; $t }
my $db = open_db();
print "v\t$DBD::Pg::VERSION\n";

# Prints what both servers must answer alike; an error is an answer too.
sub same {
    my ($name, $step) = @_;
    my $value = eval { Dumper($step->()) };
    $value = 'error ' . ($db->state // '') . ' ' . ($@ =~ s/ at \S+ line .*//sr) if $@;
    print "=\t" . line($name) . "\t" . line($value) . "\n";
}

sub holds {
    my ($name, $step) = @_;
    my $got = eval { $step->() };
    $got = $@ if $@;
    print defined $got && $got eq '1' ? "+\t" . line($name) . "\n" : "-\t" . line($name) . "\t" . line($got) . "\n";
}

# Rows without those of schemas that only the gateway has, and without oids.
sub rows {
    my $s = shift or return 'none';
    my $all = $s->fetchall_arrayref;
    return { names => $s->{NAME}, rows => [grep { my $r = $_; !grep { defined && /^c2d/ } @$r } @$all] };
}

sub ask { my ($sql, @args) = @_; my $s = $db->prepare($sql); $s->execute(@args); my $r = rows($s); [$r, $s->{TYPE}, $s->{PRECISION}, $s->{SCALE}, $s->{NULLABLE}] }

my $parts = 'SELECT city, sex, count(*) FROM people GROUP BY city, sex ORDER BY 1, 2';
my $grouped = 'SELECT sex, count(*) AS n, avg(weight) AS w FROM people WHERE age >= ? GROUP BY sex ORDER BY sex';
for my $sql ('SELECT count(*) FROM people', $parts, 'SELECT region, grade, sum(cost) FROM sites GROUP BY 1, 2 ORDER BY 1, 2', 'SELECT count(*) FROM people WHERE nothing',
    'SELECT count(*) FROM nowhere', 'SELEC 1', 'SELECT 1/0', "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
    "SELECT '{1,2,NULL}'::int[], '{{a,b},{c,d}}'::text[], true, '\\x0102'::bytea, 12.50::numeric(6,2), 1.5::float8, date '2024-02-29', interval '1 day'") {
    same($sql, sub { ask($sql) });
}
same('placeholders', sub { [map { ask($grouped, $_) } 0, 20, 101, 0] });
same('placeholders of all kinds', sub { ask('SELECT count(*) FROM people WHERE sex = ? AND born >= ? AND weight > ? AND active = ? AND income < ?', 'f', '1990-01-10', 50.5, 't', 90000) });
same('dollar placeholders', sub { ask('SELECT count(*) FROM people WHERE age >= $1 AND age < $2', 10, 60) });
same('named placeholders', sub { my $s = $db->prepare('SELECT count(*) FROM people WHERE age >= :least'); $s->bind_param(':least', 30); $s->execute; rows($s) });
same('undef', sub { ask('SELECT count(*) FROM people WHERE age >= ?', undef) });
same('a type with a placeholder', sub { my $s = $db->prepare($grouped); $s->bind_param(1, 20, { pg_type => PG_INT4 }); $s->execute; rows($s) });
same('prepared at once', sub { my $s = $db->prepare($grouped, { pg_prepare_now => 1, pg_server_prepare => 1 }); [map { $s->execute($_); rows($s) } 0, 50, 0] });
same('not prepared by the server', sub { my $s = $db->prepare($grouped, { pg_server_prepare => 0 }); $s->execute(10); rows($s) });
same('an array', sub { ask('SELECT relname FROM pg_class WHERE relname = ANY(?) ORDER BY 1', ['people', 'visits']) });
same('selectall_hashref', sub { $db->selectall_hashref('SELECT city, count(*) AS n FROM people GROUP BY city', 'city') });
same('selectrow_array', sub { [$db->selectrow_array('SELECT count(*) FROM people')] });
same('table_info', sub { rows($db->table_info('', 'public', '%', 'TABLE')) });
same('table_info of types', sub { rows($db->table_info('', '', '', '%')) });
same('table_info of schemas', sub { rows($db->table_info('', '%', '')) });
for my $table (qw(people sites stays visits nothing)) {
    same("column_info $table", sub { rows($db->column_info('', 'public', $table, '%')) });
    same("primary_key_info $table", sub { rows($db->primary_key_info('', 'public', $table)) });
    same("primary_key $table", sub { [$db->primary_key('', 'public', $table)] });
    same("foreign_key_info $table", sub { rows($db->foreign_key_info(undef, 'public', $table, undef, undef, undef)) });
    same("statistics_info $table", sub { my $s = $db->statistics_info(undef, 'public', $table, 0, 0); my $r = rows($s); ref $r ? [map { [@$_[0 .. 9]] } @{ $r->{rows} }] : $r });
}
same('tables', sub { [grep { !/c2d/ } $db->tables('', 'public', '', '')] });
same('type_info_all', sub { scalar @{ $db->type_info_all } });
same('get_info', sub { [map { $db->get_info($_) } 17, 18, 29, 46, 47] });
same('every type of type_info', sub { [map { my $t = $_; [map { $_->{TYPE_NAME} } $db->type_info($t)] } DBI::SQL_ALL_TYPES(), DBI::SQL_INTEGER(), DBI::SQL_VARCHAR(), DBI::SQL_TIMESTAMP()] });
same('column types', sub { my $s = $db->prepare('SELECT * FROM people LIMIT 0'); $s->execute; [$s->{pg_type}, $s->{pg_size}, $s->{NUM_OF_FIELDS}] });
same('parameter types', sub { my $s = $db->prepare($grouped, { pg_prepare_now => 1 }); $s->execute(1); [$s->{NUM_OF_PARAMS}, $s->{ParamValues}] });
same('read-only connection', sub { my $x = open_db(); $x->{ReadOnly} = 1; my $got = $x->selectrow_array('SELECT count(*) FROM people'); $x->disconnect; $got });
same('AutoCommit off', sub { my $x = open_db(); $x->{AutoCommit} = 0; my @got = $x->selectrow_array('SELECT count(*) FROM people'); $x->rollback; $x->disconnect; \@got });
same('ping', sub { $db->ping });
same('settings', sub { [map { $db->{$_} } qw(pg_server_version pg_db pg_user pg_standard_conforming_strings)] });

same('transaction', sub {
    my @got;
    $db->begin_work;
    push @got, $db->selectrow_array('SELECT count(*) FROM people');
    $db->pg_savepoint('a');
    eval { $db->do('SELECT nothing FROM people') };
    push @got, $db->state;
    eval { $db->do('SELECT 1') };
    push @got, $db->state, $db->ping;
    $db->pg_rollback_to('a');
    push @got, $db->selectrow_array('SELECT count(*) FROM people');
    $db->commit;
    \@got;
});
same('cursor', sub {
    $db->begin_work;
    $db->do("DECLARE c SCROLL CURSOR FOR $parts");
    my @got = map { rows(do { my $s = $db->prepare($_); $s->execute; $s }) } 'FETCH 2 FROM c', 'FETCH BACKWARD 1 FROM c', 'FETCH LAST FROM c', 'FETCH ABSOLUTE 3 FROM c';
    push @got, $db->do('MOVE FORWARD ALL FROM c');
    $db->commit;
    \@got;
});
same('copy', sub { $db->do("COPY ($parts) TO STDOUT (FORMAT csv, HEADER)"); my ($all, $l) = ''; $all .= $l while $db->pg_getcopydata($l) >= 0; $all });
same('asynchronous', sub { my $s = $db->prepare($parts, { pg_async => PG_ASYNC }); $s->execute; select undef, undef, undef, 0.01 until $db->pg_ready; my $n = $db->pg_result; [$n, rows($s)] });
holds('cancel', sub {
    $db->do($gateway ? 'SELECT count(*) FROM people JOIN visits USING (id)' : 'SELECT pg_sleep(20)', { pg_async => PG_ASYNC });
    select undef, undef, undef, 0.2;
    my $began = time;
    $db->pg_cancel && time - $began < 2 ? 1 : $db->errstr;
});
same('after a cancel', sub { [$db->selectrow_array('SELECT count(*) FROM people')] });
if ($gateway) {
    for (['SELECT * FROM people', 'ZD001'], ['SELECT min(age) FROM people', 'ZD003'], ['SELECT note, count(*) FROM people GROUP BY note', '42501'], ['SELECT sum(age / income) FROM people', '0A000'], ['DELETE FROM people', '25006']) {
        my ($sql, $state) = @$_;
        holds("refused $sql", sub { eval { $db->do($sql) }; $db->state eq $state ? 1 : $db->state . ' ' . $@ });
        holds("refused when prepared $sql", sub { eval { my $s = $db->prepare($sql, { pg_prepare_now => 1 }); $s->execute }; $db->state eq $state ? 1 : $db->state . ' ' . $@ });
    }
    holds("c2d.$_", sub { @{ $db->selectall_arrayref("SELECT * FROM c2d.$_") } >= 0 }) for qw(budget last history studies tables columns);
    holds('explain', sub { Dumper($db->selectall_arrayref("EXPLAIN $grouped", undef, 3)) =~ /people/ ? 1 : 0 });
    holds('wrong password', sub { eval { open_db('', 'no') }; $@ =~ /password authentication failed/ ? 1 : $@ });
    holds('unknown study', sub { eval { open_db('dbname=nothing') }; $@ =~ /does not exist/ ? 1 : $@ });
}
$db->disconnect;
