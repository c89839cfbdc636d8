# The host end of a TUN device: packets from the device to standard output, packets from standard input to the device,
# each after its length in two bytes. Node.js can open /dev/net/tun, but not name the device (ioctl TUNSETIFF).
use strict;
use warnings;

my $name = shift or die "usage: tun.pl DEVICE\n";
open(my $tun, '+<', '/dev/net/tun') or die "/dev/net/tun: $!\n";
# IFF_TUN | IFF_NO_PI
ioctl($tun, 0x400454ca, pack('a16 S x22', $name, 0x1001)) or die "TUNSETIFF: $!\n";
binmode(STDIN);
binmode(STDOUT);
syswrite(STDERR, "up\n");

my $in = '';
my ($device, $wire) = (fileno($tun), fileno(STDIN));
while (1) {
  my $ready = '';
  vec($ready, $device, 1) = 1;
  vec($ready, $wire, 1) = 1;
  next if select($ready, undef, undef, undef) < 0;
  if (vec($ready, $device, 1)) {
    my $length = sysread($tun, my $packet, 65536);
    last unless $length;
    put(pack('n', $length) . $packet);
  }
  if (vec($ready, $wire, 1)) {
    last unless sysread(STDIN, $in, 262144, length $in);
    while (length $in >= 2 && length $in >= 2 + unpack('n', $in)) {
      my $length = unpack('n', $in);
      syswrite($tun, substr($in, 2, $length));
      substr($in, 0, 2 + $length, '');
    }
  }
}

sub put {
  my $left = shift;
  while (length $left) {
    my $written = syswrite(STDOUT, $left);
    exit 0 unless $written;
    substr($left, 0, $written, '');
  }
}
